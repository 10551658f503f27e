// @vitest-environment jsdom
import { expect, test } from 'vitest';
import type { Schedule } from './documents';
import { arranged, nextInWords, reasonOf, timeIn } from './words';

test('the next date is that of the time zone of the schedule', () => {
  const next = { status: 'ACTIVE', nextRunAt: '2026-12-31T18:00:00Z', timeZone: 'Pacific/Kiritimati' } as const;
  expect(nextInWords(next, 'en-GB')).toBe('Next on 1 Jan 2027');
  expect(timeIn(next.timeZone, next.nextRunAt, 'en-GB')).toBe('8:00');
  expect(nextInWords({ ...next, status: 'PAUSED' })).toBe('Paused');
  expect(nextInWords({ ...next, status: 'ENDED', nextRunAt: null })).toBe('Ended');
  expect(nextInWords({ ...next, nextRunAt: null })).toBe('Due, but not sent yet');
});

test('a run that was not sent says why', () => {
  const refusal = { __typename: 'AccountRestricted' as never, message: 'Your account may not send money.' };
  const short = { __typename: 'InsufficientFunds' as const, message: '', shortfall: { amount: '5.00', currency: 'USD' } };
  expect(reasonOf({ status: 'FAILED', refusal: short })).toMatch(/Your balance was .*5.00 too low\./);
  expect(reasonOf({ status: 'SENT', refusal: null })).toBe('');
  expect(reasonOf({ status: 'WAITING', refusal })).toContain('Your account may not send money. We try again');
  expect(reasonOf({ status: 'FAILED', refusal })).toBe('Your account may not send money.');
  expect(reasonOf({ status: 'FAILED', refusal: null })).toContain('paused or had ended');
});

test('what is sent next is on top, and what has ended below', () => {
  const all = [
    { id: 'a', status: 'ENDED', nextRunAt: null },
    { id: 'b', status: 'PAUSED', nextRunAt: null },
    { id: 'e', status: 'ACTIVE', nextRunAt: null },
    { id: 'c', status: 'ACTIVE', nextRunAt: '2027-01-02T08:00:00Z' },
    { id: 'd', status: 'ACTIVE', nextRunAt: '2027-01-01T08:00:00Z' },
  ] as Schedule[];
  const { current, ended } = arranged(all);
  expect([...current, ...ended].map(({ id }) => id)).toEqual(['e', 'd', 'c', 'b', 'a']);
});
