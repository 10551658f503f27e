/** Matching contacts and search results. */

import { folded } from '@/lib/folding';
import type { User } from '@/features/payments/payment';

/** Matching contacts first, then search results, without duplicates. */
export function ranked(
  query: string,
  contacts: readonly User[],
  found: readonly User[],
): User[] {
  const text = folded(query);
  const known = text ? contacts.filter(({ name }) => folded(name).includes(text)) : contacts;
  const foundIds = new Set(found.map(({ id }) => id));
  const contactIds = new Set(contacts.map(({ id }) => id));
  const first = [...known, ...contacts.filter(({ id }) => foundIds.has(id) && !known.some((user) => user.id === id))];
  return [...first, ...found.filter(({ id }) => !contactIds.has(id))];
}
