/** Ranges of dates that can be chosen, both ends inclusive; none goes beyond today. */

import { addDays, addMonths, firstOfMonth, firstOfYear, isCalendarDate, type CalendarDate } from '@/lib/calendar';

export interface DateRange {
  from: CalendarDate;
  to: CalendarDate;
}

export interface QuickRange {
  label: string;
  on: (today: CalendarDate) => DateRange;
}

const thisMonth: QuickRange = { label: 'This month', on: (today) => ({ from: firstOfMonth(today), to: today }) };
const lastMonth: QuickRange = {
  label: 'Last month',
  on: (today) => ({ from: addMonths(firstOfMonth(today), -1), to: addDays(firstOfMonth(today), -1) }),
};
const lastTwelveMonths: QuickRange = { label: 'Last 12 months', on: (today) => ({ from: addMonths(firstOfMonth(today), -11), to: today }) };
const thisYear: QuickRange = { label: 'This year', on: (today) => ({ from: firstOfYear(today), to: today }) };
const lastYear: QuickRange = {
  label: 'Last year',
  on: (today) => ({ from: addMonths(firstOfYear(today), -12), to: addDays(firstOfYear(today), -1) }),
};

/** The first one is shown when the page opens. */
export const STATEMENT_RANGES: readonly QuickRange[] = [thisMonth, lastMonth, thisYear, lastYear];
export const INSIGHTS_RANGES: readonly QuickRange[] = [lastTwelveMonths, thisMonth, thisYear, lastYear];

export const isSameRange = (first: DateRange, second: DateRange): boolean => first.from === second.from && first.to === second.to;

/** The range in the page's address; null if there is none. */
export function rangeFrom({ from, to }: Record<string, unknown>): DateRange | null {
  return isCalendarDate(from) && isCalendarDate(to) ? { from, to } : null;
}

export interface RangeFaults {
  from?: string;
  to?: string;
}

/** What is wrong with dates that were typed; nothing if they are a range. */
export function faultsOf({ from, to }: { from: string; to: string }, today: CalendarDate): RangeFaults {
  const faults: RangeFaults = {};
  if (!isCalendarDate(from)) faults.from = 'Choose the first day.';
  if (!isCalendarDate(to)) faults.to = 'Choose the last day.';
  else if (to > today) faults.to = 'The last day can’t be after today.';
  else if (!faults.from && from > to) faults.to = 'The last day can’t be before the first day.';
  return faults;
}
