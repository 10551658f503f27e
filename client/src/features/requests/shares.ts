/** The shares of a bill, computed as the service does: in minor units that add up to the total exactly. */

import { fromMinorUnits, minorUnits, type Money } from '@/lib/money';

export const MOST_PEOPLE = 20;

/** In that many shares; the first ones are larger by one unit where they cannot be equal. */
export function equalShares(total: bigint, people: number): bigint[] {
  const count = BigInt(people);
  return Array.from({ length: people }, (_, index) => total / count + (BigInt(index) < total % count ? 1n : 0n));
}

export interface Shares {
  /** The user's own share; null without one. */
  own: Money | null;
  /** One for each other person, in order. */
  others: Money[];
}

/** Equal shares; the user's own is the last one, and so the smallest. */
export function inEqualShares(total: Money, others: number, includesViewer: boolean): Shares {
  const parts = equalShares(minorUnits(total), others + (includesViewer ? 1 : 0)).map((part) => fromMinorUnits(part, total.currency));
  return { own: includesViewer ? (parts.at(-1) ?? null) : null, others: parts.slice(0, others) };
}

/** What is left of the total for the user after the others' amounts; negative if these are more than the total. */
export function restOf(total: Money, amounts: readonly string[]): bigint {
  return amounts.reduce((rest, amount) => rest - minorUnits({ amount, currency: total.currency }), minorUnits(total));
}
