// @vitest-environment jsdom
import { expect, test } from 'vitest';
import { faultsOf, NOW, rhythmOf, type Choice } from './choice';

const today = '2026-11-28';
const monthly: Choice = { when: 'repeat', interval: '2', unit: 'MONTH', startsOn: '2026-11-28', endsOn: '' };

test('what is sent now has no rhythm, whatever else is typed', () => {
  expect(faultsOf({ ...NOW, startsOn: 'x' }, today)).toEqual({});
  expect(rhythmOf(NOW, today)).toBeNull();
});

test('a single transfer has a day, a repeated one a rhythm', () => {
  expect(rhythmOf({ ...monthly, when: 'once', endsOn: '2020-01-01' }, today)).toEqual({ startsOn: today, recurrence: null, endsOn: null });
  expect(rhythmOf(monthly, today)).toEqual({ startsOn: today, recurrence: { unit: 'MONTH', interval: 2 }, endsOn: null });
  expect(rhythmOf({ ...monthly, endsOn: '2027-01-01' }, today)?.endsOn).toBe('2027-01-01');
});

test('each mistake is told at its field', () => {
  expect(faultsOf({ ...monthly, startsOn: '2026-11-27' }, today)).toEqual({ startsOn: 'Choose today or a later day.' });
  expect(faultsOf({ ...monthly, startsOn: '' }, today)).toEqual({ startsOn: 'Choose a day.' });
  for (const interval of ['0', '1001', '', '-1', '1.5', 'two']) expect(Object.keys(faultsOf({ ...monthly, interval }, today))).toEqual(['interval']);
  expect(faultsOf({ ...monthly, endsOn: '2026-11-27' }, today)).toEqual({ endsOn: 'The last day can’t be before the first day.' });
  expect(rhythmOf({ ...monthly, interval: '0' }, today)).toBeNull();
});
