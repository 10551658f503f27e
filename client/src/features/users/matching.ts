/** Matching contacts and search results. */

import { folded } from '@/lib/folding';
import type { User } from '@/features/payments/payment';

/** Whether a text is part of the name, or the beginning of the handle; with "@" in front, of the handle alone. */
function matches(text: string, { name, handle }: User): boolean {
  const isByHandle = handle?.startsWith(text.replace(/^@/, '')) ?? false;
  return text.startsWith('@') ? isByHandle : isByHandle || folded(name).includes(text);
}

/** Matching contacts first, then search results, without duplicates. */
export function ranked(
  query: string,
  contacts: readonly User[],
  found: readonly User[],
): User[] {
  const text = folded(query);
  const known = text ? contacts.filter((user) => matches(text, user)) : contacts;
  const foundIds = new Set(found.map(({ id }) => id));
  const contactIds = new Set(contacts.map(({ id }) => id));
  const first = [...known, ...contacts.filter(({ id }) => foundIds.has(id) && !known.some((user) => user.id === id))];
  return [...first, ...found.filter(({ id }) => !contactIds.has(id))];
}
