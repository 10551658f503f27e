/** What the form for sending says about when: now, once later, or repeatedly. */

import { addDays, isCalendarDate, type CalendarDate } from '@/lib/calendar';
import { MAXIMUM_INTERVAL, type Rhythm, type Unit } from './recurrence';

export interface Choice {
  when: 'now' | 'once' | 'repeat';
  /** As typed. */
  interval: string;
  unit: Unit;
  startsOn: string;
  endsOn: string;
}

export type ChoiceFaults = Partial<Record<'interval' | 'startsOn' | 'endsOn', string>>;

export const NOW: Choice = { when: 'now', interval: '1', unit: 'MONTH', startsOn: '', endsOn: '' };

/** The day after today is suggested: a first run today may be sent at once. */
export const suggestedStart = (today: CalendarDate): CalendarDate => addDays(today, 1);

/** What is wrong with it; nothing for what is sent now. `today` is that of the viewer's time zone. */
export function faultsOf({ when, interval, startsOn, endsOn }: Choice, today: CalendarDate): ChoiceFaults {
  const faults: ChoiceFaults = {};
  if (when === 'now') return faults;
  if (!isCalendarDate(startsOn)) faults.startsOn = 'Choose a day.';
  else if (startsOn < today) faults.startsOn = 'Choose today or a later day.';
  if (when === 'once') return faults;
  const number = intervalOf(interval);
  if (number === null) faults.interval = `Enter a number from 1 to ${MAXIMUM_INTERVAL.toLocaleString()}.`;
  if (endsOn && !isCalendarDate(endsOn)) faults.endsOn = 'Choose a day, or leave it empty.';
  else if (endsOn && !faults.startsOn && endsOn < startsOn) faults.endsOn = 'The last day can’t be before the first day.';
  return faults;
}

export function intervalOf(typed: string): number | null {
  const number = /^\d{1,4}$/.test(typed.trim()) ? Number(typed) : 0;
  return number >= 1 && number <= MAXIMUM_INTERVAL ? number : null;
}

/** Null for what is sent now, and while something is wrong. */
export function rhythmOf(choice: Choice, today: CalendarDate): Rhythm | null {
  if (choice.when === 'now' || Object.keys(faultsOf(choice, today)).length > 0) return null;
  const { startsOn, unit, interval, endsOn } = choice;
  if (choice.when === 'once') return { startsOn, recurrence: null, endsOn: null };
  return { startsOn, recurrence: { unit, interval: intervalOf(interval) ?? 1 }, endsOn: endsOn || null };
}
