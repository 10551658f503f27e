/** A payment: what a person wants, the key that makes it happen once, and what became of it. */

import type { Transaction } from '@/realtime';
import type { Money } from '@/lib/money';

export interface Person {
  id: string;
  name: string;
  emailHint: string;
}

export interface Intent {
  kind: 'TRANSFER' | 'TOP_UP';
  /** Null for a top-up. */
  recipient: Person | null;
  amount: Money;
  /** Empty where there is none. */
  note: string;
}

export interface Payment {
  /** The idempotency key: one key never moves money twice. */
  key: string;
  /** Whose money it moves: nobody else sends it or asks for it. */
  userId: string;
  intent: Intent;
  /**
   * 'ready': nothing has left. 'open': a request has left, and what became of it is not known.
   * 'sent': it happened.
   */
  state: 'ready' | 'open' | 'sent';
  /** When its record was last written, and when a request last left; milliseconds of this device's clock. */
  changedAt: number;
  leftAt: number | null;
  transaction: Transaction | null;
}

/** Why the service refused: a rule that the person can mend. */
export interface Refusal {
  reason: string;
  message: string;
  fields: { path: string[]; message: string }[];
}

/** What one request brought. */
export type Answer =
  | { type: 'sent'; transaction: Transaction }
  | { type: 'refused'; refusal: Refusal }
  /** Turned away before it was looked at. */
  | { type: 'declined'; message: string; retryAfterSeconds: number | null }
  /** No answer, or one that does not tell. */
  | { type: 'lost' };

/** What asking for a key brought. */
export type Finding = { type: 'sent'; transaction: Transaction } | { type: 'none' } | { type: 'lost' };

export function sameIntent(first: Intent, second: Intent): boolean {
  return (
    first.kind === second.kind &&
    first.recipient?.id === second.recipient?.id &&
    first.amount.amount === second.amount.amount &&
    first.amount.currency === second.amount.currency &&
    first.note.trim() === second.note.trim()
  );
}

/** A payment of which nothing has left yet. */
export function readyPayment(userId: string, intent: Intent, key = newKey()): Payment {
  return { key, userId, intent, state: 'ready', changedAt: 0, leftAt: null, transaction: null };
}

/** 36 characters that nobody guesses or meets twice. */
function newKey(): string {
  // `randomUUID` is missing on a plain http address that is not this machine's own.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
