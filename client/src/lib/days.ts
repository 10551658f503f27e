/** Groups what happened by day. */

import { today } from '@/lib/clock';
import { dayKey, formatDay } from '@/lib/dates';

export interface Day<Item> {
  key: string;
  heading: string;
  items: Item[];
}

/** Newest first, like the items. */
export function byDay<Item extends { createdAt: string }>(
  items: readonly Item[],
  now = new Date(today()),
  locale?: string,
): Day<Item>[] {
  const days: Day<Item>[] = [];
  for (const item of items) {
    const key = dayKey(item.createdAt);
    const last = days.at(-1);
    if (last?.key === key) last.items.push(item);
    else days.push({ key, heading: formatDay(item.createdAt, now, locale), items: [item] });
  }
  return days;
}
