import { expect, it } from 'vitest';
import { restrictionSentence } from './restrictions';

it('says what the account is barred from, and nothing where there is nothing', () => {
  expect(restrictionSentence([])).toBeNull();
  expect(restrictionSentence(['A_NEWER_ONE'])).toBeNull();
  expect(restrictionSentence(['SENDING'])).toBe('Your account cannot send money at the moment.');
  expect(restrictionSentence(['SENDING', 'ADDING'])).toBe('Your account cannot send or add money at the moment.');
  expect(restrictionSentence(['SENDING', 'RECEIVING', 'ADDING'])).toBe('Your account cannot send, receive or add money at the moment.');
});
