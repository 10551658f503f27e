import { expect, it } from 'vitest';
import type { Action } from './documents';
import { isReference, listed, reasonFault, titleOf } from './words';

const action = (more: Partial<Action>) =>
  ({ kind: 'REVERSE', status: 'DONE', amount: { amount: '12.50', currency: 'USD' }, includesFee: true, restrictions: [], until: null, ...more }) as Action;

it('says what was done, and what is only proposed', () => {
  expect(titleOf(action({}))).toBe('Reversed $12.50 with the fee');
  expect(titleOf(action({ status: 'PROPOSED', includesFee: false }))).toBe('Reverse $12.50 without the fee');
  expect(titleOf(action({ kind: 'RESTRICT', restrictions: ['SENDING', 'RECEIVING', 'ADDING'] }))).toBe('Barred from sending, receiving and adding money');
  expect(listed(['ADDING'])).toBe('adding money');
});

it('counts the characters of a reason as the service does', () => {
  expect(reasonFault('         fraud         ')).toContain('at least 10');
  expect(reasonFault('🎈'.repeat(10))).toBe('');
  expect(reasonFault('a'.repeat(500))).toBe('');
  expect(reasonFault('a'.repeat(501))).toContain('maximum is 500');
});

it('tells references from names', () => {
  expect(isReference(' 0190A5B2-0000-7000-8000-000000000001 ')).toBe(true);
  expect(isReference('Anna Alpha')).toBe(false);
});
