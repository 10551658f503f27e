/** Groups transactions by day. */

import { today } from '@/lib/clock';
import { dayKey, formatDay } from '@/lib/dates';
import type { Transaction } from '@/realtime';

export interface Day {
  key: string;
  heading: string;
  lines: Transaction[];
}

/** Newest first, like the transactions. */
export function byDay(lines: readonly Transaction[], now = new Date(today()), locale?: string): Day[] {
  const days: Day[] = [];
  for (const line of lines) {
    const key = dayKey(line.createdAt);
    const last = days.at(-1);
    if (last?.key === key) last.lines.push(line);
    else days.push({ key, heading: formatDay(line.createdAt, now, locale), lines: [line] });
  }
  return days;
}
