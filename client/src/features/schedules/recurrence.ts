/** When the runs of a scheduled transfer are due, by the same rule as domain/schedules/recurrence.py, and in words. */

import { addDays, addMonths, formatCalendarDate, isCalendarDate, type CalendarDate } from '@/lib/calendar';

export type Unit = 'DAY' | 'WEEK' | 'MONTH' | 'YEAR';

export interface Recurrence {
  unit: Unit;
  interval: number;
}

export interface Rhythm {
  startsOn: CalendarDate;
  /** Null for a single run. */
  recurrence: Recurrence | null;
  /** The last date on which a run may be due; null is no end. */
  endsOn: CalendarDate | null;
}

export const MAXIMUM_INTERVAL = 1_000;
const DAYS_A_WEEK = 7;
const MONTHS_A_YEAR = 12;

/**
 * The date of run `number`, counted from 1; null if there is none. It is counted from the first date, never from the
 * run before, so that no date drifts: 31 January, 28 February, 31 March.
 */
export function runDate({ startsOn, recurrence, endsOn }: Rhythm, number: number): CalendarDate | null {
  if (!recurrence && number > 1) return null;
  const date = recurrence ? after(startsOn, recurrence, number - 1) : startsOn;
  // There is no run after the year 9999.
  if (!isCalendarDate(date)) return null;
  return endsOn !== null && date > endsOn ? null : date;
}

function after(startsOn: CalendarDate, { unit, interval }: Recurrence, runs: number): CalendarDate {
  switch (unit) {
    case 'DAY':
      return addDays(startsOn, runs * interval);
    case 'WEEK':
      return addDays(startsOn, runs * interval * DAYS_A_WEEK);
    case 'MONTH':
      return addMonths(startsOn, runs * interval);
    case 'YEAR':
      return addMonths(startsOn, runs * interval * MONTHS_A_YEAR);
  }
}

/** The first dates, and whether others follow. */
export function firstDates(rhythm: Rhythm, count = 3): { dates: CalendarDate[]; hasMore: boolean } {
  const dates = Array.from({ length: count + 1 }, (_, index) => runDate(rhythm, index + 1)).filter((date) => date !== null);
  return { dates: dates.slice(0, count), hasMore: dates.length > count };
}

/** "31 January, 28 February, 31 March, …"; a date of another year than today's has its year. */
export function datesInWords(rhythm: Rhythm, today: CalendarDate, locale?: string): string {
  const { dates, hasMore } = firstDates(rhythm);
  const words = dates.map((date) => {
    const year = date.slice(0, 4) === today.slice(0, 4) ? undefined : ('numeric' as const);
    return formatCalendarDate(date, { day: 'numeric', month: 'long', year }, locale);
  });
  return [...words, ...(hasMore ? ['…'] : [])].join(year(words) ? '; ' : ', ');
}

/** In some languages a date with its year has a comma in it. */
const year = (words: readonly string[]): boolean => words.some((word) => word.includes(','));

const UNITS: Record<Unit, { one: string; many: string }> = {
  DAY: { one: 'day', many: 'days' },
  WEEK: { one: 'week', many: 'weeks' },
  MONTH: { one: 'month', many: 'months' },
  YEAR: { one: 'year', many: 'years' },
};

/** "Once", "Every day", "Every 2 weeks". */
export function rhythmInWords(recurrence: Recurrence | null): string {
  if (!recurrence) return 'Once';
  const { unit, interval } = recurrence;
  return interval === 1 ? `Every ${UNITS[unit].one}` : `Every ${interval.toLocaleString()} ${UNITS[unit].many}`;
}

/** "weeks", as after "every 2". */
export const unitName = (unit: Unit, interval: number): string => (interval === 1 ? UNITS[unit].one : UNITS[unit].many);

/** The local time at which runs are due, "08:00" or "8:00 AM". */
export function dueTime(locale?: string): string {
  return new Intl.DateTimeFormat(locale, { hour: 'numeric', minute: '2-digit', timeZone: 'UTC' }).format(new Date('2000-01-01T08:00:00Z'));
}
