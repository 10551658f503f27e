/** Scheduled transfers and their runs in words. */

import { dateIn, formatCalendarDate, knownZone } from '@/lib/calendar';
import { formatMoney } from '@/lib/money';
import type { Run, Schedule } from './documents';

export const STATUSES: Record<Schedule['status'], { label: string; look: string }> = {
  ACTIVE: { label: 'Active', look: 'bg-incoming-soft text-incoming' },
  PAUSED: { label: 'Paused', look: 'bg-caution-soft text-caution' },
  ENDED: { label: 'Ended', look: 'bg-sunken text-muted' },
};

export const RUN_STATUSES: Record<Run['status'], { label: string; look: string }> = {
  WAITING: { label: 'Waiting', look: 'bg-caution-soft text-caution' },
  SENT: { label: 'Sent', look: 'bg-incoming-soft text-incoming' },
  FAILED: { label: 'Not sent', look: 'bg-danger-soft text-danger' },
};

/** The day of an instant in the time zone of the schedule, "31 January 2027". */
export function dayIn(timeZone: string, instant: string, options?: Intl.DateTimeFormatOptions, locale?: string): string {
  return formatCalendarDate(dateIn(timeZone, instant), options, locale);
}

/** "8:00 AM", in the time zone of the schedule. */
export function timeIn(timeZone: string, instant: string, locale?: string): string {
  const options = { hour: 'numeric', minute: '2-digit', timeZone: knownZone(timeZone) } as const;
  return new Intl.DateTimeFormat(locale, options).format(new Date(instant));
}

/** What comes next, in a few words. */
export function nextInWords({ status, nextRunAt, timeZone }: Pick<Schedule, 'status' | 'nextRunAt' | 'timeZone'>, locale?: string): string {
  if (status === 'ENDED') return 'Ended';
  if (status === 'PAUSED') return 'Paused';
  return nextRunAt ? `Next on ${dayIn(timeZone, nextRunAt, { dateStyle: 'medium' }, locale)}` : 'Due, but not sent yet';
}

/** Why a run was not sent, or not yet; empty if it was. */
export function reasonOf({ status, refusal }: Pick<Run, 'status' | 'refusal'>): string {
  if (status === 'SENT') return '';
  const reason = refusal && 'shortfall' in refusal ? `Your balance was ${formatMoney(refusal.shortfall)} too low.` : (refusal?.message ?? '');
  if (status === 'FAILED') return reason || 'It was not attempted: the scheduled transfer was paused or had ended.';
  return reason ? `${reason} We try again every hour, for 24 hours in all.` : 'It is being sent.';
}

/** Those that may still send money first, what is due or next on top; then those that have ended, newest first. */
export function arranged(schedules: readonly Schedule[]): { current: Schedule[]; ended: Schedule[] } {
  const current = schedules.filter(({ status }) => status !== 'ENDED');
  // What is due comes first. Paused ones have no next date, and come last.
  const order = ({ status, nextRunAt }: Schedule) => nextRunAt ?? (status === 'ACTIVE' ? '0' : '9');
  return {
    current: current.sort((first, second) => order(first).localeCompare(order(second))),
    ended: schedules.filter(({ status }) => status === 'ENDED'),
  };
}
