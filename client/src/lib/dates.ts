/** Dates and times in the browser's locale and time zone; relative ones are reactive. */

import { now as currentTime, today } from '@/lib/clock';

const DAY_MILLISECONDS = 86_400_000;

function startOfDay(instant: Date): number {
  return new Date(instant.getFullYear(), instant.getMonth(), instant.getDate()).getTime();
}

function daysBefore(instant: Date, now: Date): number {
  return Math.round((startOfDay(now) - startOfDay(instant)) / DAY_MILLISECONDS);
}

function capitalised(text: string, locale?: string): string {
  return text.charAt(0).toLocaleUpperCase(locale) + text.slice(1);
}

/** A heading for a day: "Today", "Yesterday", "Friday, 20 November", with the year if it is not the current one. */
export function formatDay(instant: string | Date, now = new Date(today()), locale?: string): string {
  const date = new Date(instant);
  const days = daysBefore(date, now);
  if (days === 0 || days === 1) {
    return capitalised(new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }).format(-days, 'day'), locale);
  }
  const sameYear = date.getFullYear() === now.getFullYear();
  return new Intl.DateTimeFormat(locale, {
    weekday: 'long',
    day: 'numeric',
    month: 'long',
    year: sameYear ? undefined : 'numeric',
  }).format(date);
}

/** A key that is equal for instants of the same day. */
export function dayKey(instant: string | Date): string {
  const date = new Date(instant);
  return `${date.getFullYear()}-${date.getMonth() + 1}-${date.getDate()}`;
}

/** "14:05". */
export function formatTime(instant: string | Date, locale?: string): string {
  return new Intl.DateTimeFormat(locale, { hour: 'numeric', minute: '2-digit' }).format(new Date(instant));
}

/** "22 November 2026". */
export function formatDate(instant: string | Date, locale?: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'long' }).format(new Date(instant));
}

/** "22 Nov 2026", where there is little room. */
export function formatShortDate(instant: string | Date, locale?: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'medium' }).format(new Date(instant));
}

/** "22 November 2026 at 14:05". */
export function formatDateTime(instant: string | Date, locale?: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeStyle: 'short' }).format(new Date(instant));
}

/** How long ago: "now", "5 minutes ago", "yesterday", then the date. */
export function formatAgo(instant: string | Date, now = new Date(currentTime()), locale?: string): string {
  const date = new Date(instant);
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
  const seconds = Math.max(0, (now.getTime() - date.getTime()) / 1000);
  if (seconds < 60) return relative.format(0, 'second');
  if (seconds < 3600) return relative.format(-Math.floor(seconds / 60), 'minute');
  const days = daysBefore(date, now);
  if (days === 0) return relative.format(-Math.floor(seconds / 3600), 'hour');
  if (days < 7) return relative.format(-days, 'day');
  return formatDate(date, locale);
}
