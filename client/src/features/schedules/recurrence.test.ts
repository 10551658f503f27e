// @vitest-environment jsdom
import { expect, test } from 'vitest';
import { datesInWords, firstDates, rhythmInWords, runDate, type Rhythm, type Unit } from './recurrence';

const every = (interval: number, unit: Unit, startsOn: string, endsOn: string | null = null): Rhythm => ({
  startsOn,
  recurrence: { unit, interval },
  endsOn,
});

test('months and years keep the day, or use the last day of a shorter month', () => {
  const rent = every(1, 'MONTH', '2027-01-31');
  expect(firstDates(rent)).toEqual({ dates: ['2027-01-31', '2027-02-28', '2027-03-31'], hasMore: true });
  expect(runDate(rent, 14)).toBe('2028-02-29');
  expect(firstDates(every(1, 'YEAR', '2028-02-29'), 5).dates).toEqual(['2028-02-29', '2029-02-28', '2030-02-28', '2031-02-28', '2032-02-29']);
  expect(firstDates(every(3, 'MONTH', '2026-11-30')).dates).toEqual(['2026-11-30', '2027-02-28', '2027-05-30']);
});

test('days and weeks are counted by the calendar', () => {
  expect(firstDates(every(2, 'WEEK', '2026-12-25')).dates).toEqual(['2026-12-25', '2027-01-08', '2027-01-22']);
  expect(firstDates(every(1, 'DAY', '2026-03-28')).dates).toEqual(['2026-03-28', '2026-03-29', '2026-03-30']);
});

test('there is no run after the last day, after a single one, or after the year 9999', () => {
  expect(firstDates(every(1, 'MONTH', '2027-01-31', '2027-02-28'))).toEqual({ dates: ['2027-01-31', '2027-02-28'], hasMore: false });
  expect(firstDates({ startsOn: '2027-01-31', recurrence: null, endsOn: null })).toEqual({ dates: ['2027-01-31'], hasMore: false });
  expect(firstDates(every(1000, 'YEAR', '9000-01-01')).dates).toEqual(['9000-01-01']);
});

test('the rhythm and its first dates are told in words', () => {
  expect(rhythmInWords(null)).toBe('Once');
  expect(rhythmInWords({ unit: 'MONTH', interval: 1 })).toBe('Every month');
  expect(rhythmInWords({ unit: 'WEEK', interval: 2 })).toBe('Every 2 weeks');
  const rent = every(1, 'MONTH', '2027-01-31');
  expect(datesInWords(rent, '2027-01-01', 'en-GB')).toBe('31 January, 28 February, 31 March, …');
  expect(datesInWords(every(1, 'MONTH', '2026-11-30'), '2026-11-28', 'en-GB')).toBe('30 November, 30 December, 30 January 2027, …');
  expect(datesInWords(every(1, 'YEAR', '2026-11-30', '2027-11-30'), '2026-11-28', 'en-US')).toBe('November 30; November 30, 2027');
});
