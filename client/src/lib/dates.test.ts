import { describe, expect, test } from 'vitest';
import { dayKey, formatAgo, formatDay } from '@/lib/dates';

const now = new Date(2026, 10, 22, 12, 0);
const at = (year: number, month: number, day: number, hour = 12, minute = 0) => new Date(year, month - 1, day, hour, minute);

describe('headings of days', () => {
  test('today and yesterday are said as words, by the calendar and not by hours', () => {
    expect(formatDay(at(2026, 11, 22, 0, 1), now, 'en')).toBe('Today');
    expect(formatDay(at(2026, 11, 21, 23, 59), now, 'en')).toBe('Yesterday');
    expect(formatDay(at(2026, 11, 22), now, 'de')).toBe('Heute');
  });

  test('an earlier day has its date, and its year when that is another', () => {
    expect(formatDay(at(2026, 11, 20), now, 'en-GB')).toMatch(/^Friday,? 20 November$/);
    expect(formatDay(at(2025, 12, 31), now, 'en-GB')).toContain('2025');
  });

  test('one day has one key', () => {
    expect(dayKey(at(2026, 11, 22, 0, 1))).toBe(dayKey(at(2026, 11, 22, 23, 59)));
    expect(dayKey(at(2026, 11, 22, 0, 1))).not.toBe(dayKey(at(2026, 11, 21, 23, 59)));
  });
});

describe('how long ago', () => {
  test.each([
    [at(2026, 11, 22, 12, 0), 'now'],
    [at(2026, 11, 22, 12, 5), 'now'],
    [at(2026, 11, 22, 11, 55), '5 minutes ago'],
    [at(2026, 11, 22, 9, 0), '3 hours ago'],
    [at(2026, 11, 21, 9, 0), 'yesterday'],
    [at(2026, 11, 18), '4 days ago'],
    [at(2026, 11, 1), 'November 1, 2026'],
  ])('%s is said as %s', (instant, words) => {
    expect(formatAgo(instant, now, 'en-US')).toBe(words);
  });
});
