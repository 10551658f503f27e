/** A payment: what the user wants, the idempotency key that makes it happen once, and its outcome. */

import type { ConfirmationRequest } from './confirming';
import type { Transaction } from '@/realtime';
import type { Money } from '@/lib/money';

export interface User {
  id: string;
  name: string;
  /** Missing where it was stored by an earlier version. */
  handle?: string | null;
  emailHint: string;
}

export interface Intent {
  kind: 'TRANSFER' | 'TOP_UP';
  /** Null for a top-up. */
  recipient: User | null;
  amount: Money;
  /** Empty where there is none. */
  note: string;
  /** The payment request that it pays, by its id. */
  requestId?: string;
}

export interface Payment {
  /** The idempotency key: one key never moves money twice. */
  key: string;
  /** Whose money it moves: only this user sends it or looks it up. */
  userId: string;
  intent: Intent;
  /**
   * 'ready': no request was made. 'open': a request was made, and its outcome is unknown. 'closing': likewise, and the
   * user no longer wants it. 'closed': it was not sent and never will be. 'sent': there is a transaction.
   */
  state: 'ready' | 'open' | 'closing' | 'closed' | 'sent';
  /** When its record was last written, and when the last request was made; milliseconds of this device's clock. */
  changedAt: number;
  leftAt: number | null;
  transaction: Transaction | null;
}

/** Why the service refused it. */
export interface Refusal {
  reason: string;
  message: string;
  fields: { path: string[]; message: string }[];
}

/** What the answer to one request says. */
export type Answer =
  | { type: 'sent'; transaction: Transaction }
  | { type: 'refused'; refusal: Refusal }
  /** It needs a second factor first. */
  | { type: 'to-confirm'; required: ConfirmationRequest }
  /** Rejected before it was processed. */
  | { type: 'declined'; message: string; retryAfterSeconds: number | null }
  /** No answer, or one that does not tell the outcome. */
  | { type: 'lost' };

/** The transaction of a key, if it has one; "lost" is no answer. */
export type Finding = { type: 'sent'; transaction: Transaction } | { type: 'none' } | { type: 'lost' };

export function sameIntent(first: Intent, second: Intent): boolean {
  return (
    first.kind === second.kind &&
    first.requestId === second.requestId &&
    first.recipient?.id === second.recipient?.id &&
    first.amount.amount === second.amount.amount &&
    first.amount.currency === second.amount.currency &&
    first.note.trim() === second.note.trim()
  );
}

export const isOpen = ({ state }: Payment): boolean => state === 'open' || state === 'closing';

/** A payment for which no request was made yet. */
export function readyPayment(userId: string, intent: Intent, key = newKey()): Payment {
  return { key, userId, intent, state: 'ready', changedAt: 0, leftAt: null, transaction: null };
}

/** A random UUID: 36 characters. */
export function newKey(): string {
  // `randomUUID` is missing in insecure contexts: plain http on any host but localhost.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
