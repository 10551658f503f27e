/** What an account is barred from, in words. */

const VERBS: Partial<Record<string, string>> = { SENDING: 'send', RECEIVING: 'receive', ADDING: 'add' };

/** "send", for what the account is barred from. */
export const verbOf = (restriction: string): string => VERBS[restriction] ?? 'move';

/** "Your account cannot send or add money at the moment."; null for no restriction, or none that this page knows. */
export function restrictionSentence(restrictions: readonly string[]): string | null {
  const verbs = restrictions.flatMap((each) => VERBS[each] ?? []);
  if (verbs.length === 0) return null;
  const listed = [verbs.slice(0, -1).join(', '), verbs.at(-1)].filter(Boolean).join(' or ');
  return `Your account cannot ${listed} money at the moment.`;
}
