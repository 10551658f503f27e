/** Groups transactions by day. */

import { today } from '@/lib/clock';
import { dayKey, formatDay } from '@/lib/dates';
import type { Transaction } from '@/realtime';

export interface Day {
  key: string;
  heading: string;
  transactions: Transaction[];
}

/** Newest first, like the transactions. */
export function byDay(transactions: readonly Transaction[], now = new Date(today()), locale?: string): Day[] {
  const days: Day[] = [];
  for (const transaction of transactions) {
    const key = dayKey(transaction.createdAt);
    const last = days.at(-1);
    if (last?.key === key) last.transactions.push(transaction);
    else days.push({ key, heading: formatDay(transaction.createdAt, now, locale), transactions: [transaction] });
  }
  return days;
}
