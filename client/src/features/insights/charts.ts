/** The geometry of charts, in CSS pixels. Amounts are numbers here only for their positions: none is shown. */

import { formatCalendarDate, type CalendarDate } from '@/lib/calendar';
import type { Money } from '@/lib/money';

export interface Frame {
  width: number;
  height: number;
  /** Left of the drawing are the labels of amounts, below it those of dates. */
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** Amounts that are labelled, from 0 to one that is not below the highest. */
export function ticksOf(highest: number): number[] {
  const MOST_STEPS = 4;
  if (!(highest > 0)) return [0, 1];
  const rough = highest / MOST_STEPS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  const steps = Math.ceil(highest / step - 1e-9);
  return Array.from({ length: steps + 1 }, (_, index) => index * step);
}

/** "$1.5K": only a position on an axis, so that a few digits are enough. */
export function tickLabel(amount: number, currency: string, locale?: string): string {
  return new Intl.NumberFormat(locale, {
    style: 'currency',
    currency,
    currencyDisplay: 'narrowSymbol',
    notation: 'compact',
    minimumFractionDigits: 0,
    maximumFractionDigits: amount !== 0 && amount < 1 ? 2 : 1,
  }).format(amount);
}

export const positionOf = ({ amount }: Money): number => Number(amount);

/** The vertical position of an amount. */
export function yOf(amount: number, top: number, frame: Frame): number {
  return round(frame.height - frame.bottom - ((frame.height - frame.top - frame.bottom) * amount) / top);
}

/** The horizontal position of a point among `count` that are evenly spread from edge to edge. */
export function xOf(index: number, count: number, frame: Frame): number {
  const inner = frame.width - frame.left - frame.right;
  return round(frame.left + (count < 2 ? inner : (inner * index) / (count - 1)));
}

/** A line that keeps each value until the next: balances do not change gradually. */
export function steppedLine(points: readonly { x: number; y: number }[]): string {
  return points.map(({ x, y }, index) => (index === 0 ? `M${String(x)} ${String(y)}` : `H${String(x)}V${String(y)}`)).join('');
}

/** One of this many labels is shown, so that they do not touch. */
export function labelStep(count: number, innerWidth: number, labelWidth: number): number {
  return Math.max(1, Math.ceil((count * labelWidth) / Math.max(innerWidth, 1)));
}

/** "Nov", with the year if the months are of several years. */
export function monthLabel(date: CalendarDate, hasYear: boolean, locale?: string): string {
  return formatCalendarDate(date, hasYear ? { month: 'short', year: '2-digit' } : { month: 'short' }, locale);
}

export const round = (number: number): number => Math.round(number * 10) / 10;
