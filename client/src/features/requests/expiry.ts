/** Until when a request can be paid. */

import { today } from '@/lib/clock';
import { formatDate } from '@/lib/dates';

const CHOICES = [
  { days: 1, label: 'Tomorrow' },
  { days: 7, label: 'In a week' },
  { days: 30, label: 'In 30 days' },
  { days: 90, label: 'In 90 days' },
] as const;

export const USUAL_DAYS = '30';

/** The last second of the day in so many days, in this time zone: the same for every try on the same day. */
export function endOfDayIn(days: number, from = today()): string {
  const date = new Date(from);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() + days, 23, 59, 59).toISOString();
}

/** For a select field: "In a week (5 December 2026)". */
export const expiryOptions = (): { value: string; label: string }[] =>
  CHOICES.map(({ days, label }) => ({ value: String(days), label: `${label} (${formatDate(endOfDayIn(days))})` }));
