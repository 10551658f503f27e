// @vitest-environment jsdom
import { expect, test } from 'vitest';
import { addDays, addMonths, dateIn, formatCalendarDate, isCalendarDate } from './calendar';

test('months keep the day, or use the last day of a shorter month', () => {
  expect(addMonths('2027-01-31', 1)).toBe('2027-02-28');
  expect(addMonths('2027-01-31', 2)).toBe('2027-03-31');
  expect(addMonths('2028-01-31', 1)).toBe('2028-02-29');
  expect(addMonths('2028-02-29', 12)).toBe('2029-02-28');
  expect(addMonths('2026-11-30', 3)).toBe('2027-02-28');
  expect(addMonths('2027-01-15', -1)).toBe('2026-12-15');
});

test('days are counted by the calendar, whatever clocks do', () => {
  expect(addDays('2026-03-28', 2)).toBe('2026-03-30');
  expect(addDays('2026-12-31', 1)).toBe('2027-01-01');
  expect(addDays('2026-03-01', -1)).toBe('2026-02-28');
});

test('the date depends on the time zone', () => {
  expect(dateIn('Pacific/Kiritimati', '2026-12-31T12:00:00Z')).toBe('2027-01-01');
  expect(dateIn('America/Los_Angeles', '2027-01-01T07:59:00Z')).toBe('2026-12-31');
  expect(dateIn('Mars/Olympus', '2027-01-01T00:00:00Z')).toBe('2027-01-01');
});

test('only dates that exist are dates', () => {
  expect(isCalendarDate('2026-02-28')).toBe(true);
  for (const text of ['2026-02-30', '2026-13-01', '26-01-01', '', null, ['2026-01-01']]) expect(isCalendarDate(text)).toBe(false);
});

test('a date is shown as it is in every time zone', () => {
  expect(formatCalendarDate('2027-01-01', { dateStyle: 'long' }, 'en-GB')).toBe('1 January 2027');
  expect(formatCalendarDate('2027-01-01', { day: 'numeric', month: 'long' }, 'en-GB')).toBe('1 January');
});
