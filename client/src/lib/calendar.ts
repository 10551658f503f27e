/** Calendar dates such as "2026-11-28": days without a time, counted by the calendar alone. */

import { now } from '@/lib/clock';

/** ISO 8601; dates compare as their texts do. */
export type CalendarDate = string;

const PATTERN = /^(\d{4})-(\d{2})-(\d{2})$/;

/** The time zone is only a label here: every date is handled as midnight in UTC. */
const instantOf = (date: CalendarDate): Date => new Date(`${date}T00:00:00Z`);
const dateOf = (instant: Date): CalendarDate => instant.toISOString().slice(0, 10);

/** Whether it is a date that exists, as a date field has it. */
export function isCalendarDate(text: unknown): text is CalendarDate {
  if (typeof text !== 'string' || !PATTERN.test(text)) return false;
  const instant = instantOf(text);
  return !Number.isNaN(instant.getTime()) && dateOf(instant) === text;
}

/** The date at an instant in a time zone; in UTC if the browser does not know the zone. */
export function dateIn(timeZone: string, instant: number | string | Date): CalendarDate {
  const shown = new Intl.DateTimeFormat('en-CA', { timeZone: knownZone(timeZone), year: 'numeric', month: '2-digit', day: '2-digit' });
  const parts = new Map(shown.formatToParts(new Date(instant)).map(({ type, value }) => [type, value]));
  return `${parts.get('year') ?? ''}-${parts.get('month') ?? ''}-${parts.get('day') ?? ''}`;
}

/** The date of today in a time zone by the service's clock; reactive. */
export const todayIn = (timeZone: string): CalendarDate => dateIn(timeZone, now());

/** The same name, or UTC if the browser does not know it. */
export function knownZone(timeZone: string): string {
  try {
    new Intl.DateTimeFormat('en', { timeZone });
    return timeZone;
  } catch {
    return 'UTC';
  }
}

export function addDays(date: CalendarDate, days: number): CalendarDate {
  const instant = instantOf(date);
  instant.setUTCDate(instant.getUTCDate() + days);
  return dateOf(instant);
}

/** The same day of another month, or the last one of a month that is shorter. */
export function addMonths(date: CalendarDate, months: number): CalendarDate {
  const instant = instantOf(date);
  const day = instant.getUTCDate();
  instant.setUTCDate(1);
  instant.setUTCMonth(instant.getUTCMonth() + months);
  const last = new Date(Date.UTC(instant.getUTCFullYear(), instant.getUTCMonth() + 1, 0)).getUTCDate();
  instant.setUTCDate(Math.min(day, last));
  return dateOf(instant);
}

export const firstOfMonth = (date: CalendarDate): CalendarDate => `${date.slice(0, 8)}01`;
export const firstOfYear = (date: CalendarDate): CalendarDate => `${date.slice(0, 4)}-01-01`;

/** Milliseconds, only for distances between dates. */
export const timeOf = (date: CalendarDate): number => instantOf(date).getTime();

/** As the options of `Intl.DateTimeFormat` say; "22 November 2026" without any. */
export function formatCalendarDate(
  date: CalendarDate,
  options: Intl.DateTimeFormatOptions = { dateStyle: 'long' },
  locale?: string,
): string {
  return new Intl.DateTimeFormat(locale, { ...options, timeZone: 'UTC' }).format(instantOf(date));
}

/** "1–28 November 2026", or "1 December 2025 – 28 November 2026". */
export function formatRange(from: CalendarDate, to: CalendarDate, locale?: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeZone: 'UTC' }).formatRange(instantOf(from), instantOf(to));
}
