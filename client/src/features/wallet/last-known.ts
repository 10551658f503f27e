/** The balance as this browser last saw it, to be shown, and marked as old, while the service cannot be reached. */

import { watch } from 'vue';
import { session, type Session } from '@/api';
import { areCookiesBlocked } from '@/lib/blocked';
import { now, today } from '@/lib/clock';
import { dayKey, formatDateTime, formatTime } from '@/lib/dates';
import type { Money } from '@/lib/money';
import { browserStorage } from '@/lib/storage';
import { startForEachUser, type UserScope } from '@/lib/user-scope';
import { connection, wallet } from '@/realtime';
import { isBalanceHiddenFor } from './balance-shown';

const PREFIX = 'mini-wallet.last-balance.';
/** Later it says nothing any more; a session that is not used does not last longer either. */
const LONGEST_MILLISECONDS = 30 * 86_400_000;

export interface LastKnownBalance {
  balance: Money;
  /** When it was current, in milliseconds since 1970. */
  at: number;
  /** Whether its user hides the balance on this device. */
  isHidden: boolean;
}

type Storage = Pick<typeof browserStorage, 'getItem' | 'setItem' | 'removeItem' | 'keys'>;

/** At most one user's is stored: the one of the user who is signed in, as far as this browser knows. */
export function readLastKnown(storage: Storage = browserStorage, time = now()): LastKnownBalance | null {
  const keys = storage.keys().filter((key) => key.startsWith(PREFIX));
  const [key] = keys;
  if (key === undefined || keys.length > 1) return null;
  try {
    const { balance, at } = JSON.parse(storage.getItem(key) ?? '') as Partial<LastKnownBalance>;
    if (typeof balance?.amount !== 'string' || typeof balance.currency !== 'string' || typeof at !== 'number') return null;
    if (time - at > LONGEST_MILLISECONDS) return null;
    return { balance, at, isHidden: isBalanceHiddenFor(key.slice(PREFIX.length)) };
  } catch {
    return null;
  }
}

/** "Last known balance, 14:03", with the date if it was not today. */
export function wordsFor(known: LastKnownBalance | null): string {
  if (!known) return 'Last known balance';
  const seen = new Date(known.at);
  return `Last known balance, ${dayKey(seen) === dayKey(new Date(today())) ? formatTime(seen) : formatDateTime(seen)}`;
}

/** Removes what all users but that one (null: all users) left in this browser. */
export function forgetOthers(userId: string | null, storage: Storage = browserStorage): void {
  for (const key of storage.keys()) {
    if (key.startsWith(PREFIX) && key !== `${PREFIX}${userId ?? ''}`) storage.removeItem(key);
  }
}

/** Until the session of that user ends. */
function keep({ userId }: UserScope): void {
  // Such a session ends with its tab, and nothing of it may stay.
  if (userId === null || areCookiesBlocked()) return;
  watch(
    // Written again when the connection is lost: until then the balance was current.
    [wallet, connection],
    ([current], [, before]) => {
      if (current?.viewerId !== userId || (connection.value !== 'fine' && before !== 'fine')) return;
      browserStorage.setItem(`${PREFIX}${userId}`, JSON.stringify({ balance: current.balance, at: now() }));
    },
  );
}

/** Keeps the balance of the signed-in user, and removes those of all other users. Call it once in main.ts. */
export function startLastKnown(): void {
  startForEachUser(keep);
  watch(session, (current: Session) => {
    if (current.status !== 'unknown') forgetOthers(current.status === 'signed-in' ? current.viewerId : null);
  }, { immediate: true, flush: 'sync' });
}
