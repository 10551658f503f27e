/** Payments and the draft of the next one, kept in the browser across reloads and shared by its tabs. */

import type { BrowserStorage } from '@/lib/storage';
import { isOpen, sameIntent, type Intent, type Payment, type User } from './payment';

/** The form as it was left. */
export interface Draft {
  recipient: User | null;
  amount: string;
  note: string;
  step: 'form' | 'confirm';
  /** The payment that the form has become, if it was confirmed. */
  key: string | null;
  changedAt: number;
}

export type PaymentStorage = Pick<BrowserStorage, 'getItem' | 'setItem' | 'removeItem' | 'keys'>;

const PAYMENT = 'mini-wallet.payment.';
const DRAFT = 'mini-wallet.draft.';
const MINUTE = 60_000;
const SETTLED_MILLISECONDS = 10 * MINUTE;
const READY_MILLISECONDS = 12 * 60 * MINUTE;

/** Where drafts of that user are kept; `name` tells those of other forms than the payment's. */
export const draftKey = (userId: string, name = ''): string => `${DRAFT}${userId}${name && `.${name}`}`;

export class PaymentStore {
  private readonly payments: string;
  private readonly drafts: string;

  constructor(
    private readonly storage: PaymentStorage,
    readonly userId: string,
    private readonly now: () => number,
  ) {
    this.payments = `${PAYMENT}${userId}.`;
    this.drafts = draftKey(userId);
  }

  /** The records of this user, the oldest first. */
  list(): Payment[] {
    return this.storage
      .keys()
      .filter((key) => key.startsWith(this.payments))
      .map((key) => this.get(key.slice(this.payments.length)))
      .filter((payment) => payment !== null)
      .sort((first, second) => first.changedAt - second.changedAt);
  }

  get(key: string): Payment | null {
    const kept = parse<Payment>(this.storage.getItem(this.payments + key));
    if (!kept?.intent) return null;
    // Before 0.2 only the storage key named the user.
    const payment = { ...kept, userId: kept.userId ?? this.userId };
    if (payment.userId !== this.userId) return null;
    if (!this.isOld(payment)) return payment;
    this.remove(key);
    return null;
  }

  /** Returns whether the record outlives this page. Throws for a payment of another user. */
  put(payment: Payment): boolean {
    if (payment.userId !== this.userId) throw new Error('This payment belongs to another user.');
    return this.storage.setItem(this.payments + payment.key, JSON.stringify({ ...payment, changedAt: this.now() }));
  }

  remove(key: string): void {
    this.storage.removeItem(this.payments + key);
  }

  /** A payment with the same content in one of those states: another tab may have prepared it. */
  pending(intent: Intent, states: readonly Payment['state'][]): Payment | null {
    return this.list().find(({ state, intent: other }) => states.includes(state) && sameIntent(other, intent)) ?? null;
  }

  draft(): Draft | null {
    const draft = parse<Draft>(this.storage.getItem(this.drafts));
    return draft && this.now() - draft.changedAt < READY_MILLISECONDS ? draft : null;
  }

  saveDraft(draft: Omit<Draft, 'changedAt'>): void {
    this.storage.setItem(this.drafts, JSON.stringify({ ...draft, changedAt: this.now() }));
  }

  clearDraft(): void {
    this.storage.removeItem(this.drafts);
  }

  private isOld(payment: Payment): boolean {
    const age = this.now() - payment.changedAt;
    if (payment.state === 'sent' || payment.state === 'closed') return age > SETTLED_MILLISECONDS;
    return payment.state === 'ready' && age > READY_MILLISECONDS;
  }
}

/**
 * Removes what all users but that one (null: all users) left in this browser. Only payments whose outcome is unknown
 * stay: their user is told the outcome at the next sign-in.
 */
export function forgetOthers(storage: PaymentStorage, userId: string | null): void {
  for (const key of storage.keys()) {
    const isDraftOfUser = userId !== null && `${key}.`.startsWith(`${draftKey(userId)}.`);
    if (key.startsWith(DRAFT) && !isDraftOfUser) storage.removeItem(key);
    if (!key.startsWith(PAYMENT) || (userId !== null && key.startsWith(`${PAYMENT}${userId}.`))) continue;
    const payment = parse<Payment>(storage.getItem(key));
    if (!payment || !isOpen(payment)) storage.removeItem(key);
  }
}

/** Whether a changed storage key belongs to payments or drafts; null means all keys. */
export function isOfPayments(storageKey: string | null): boolean {
  return storageKey === null || storageKey.startsWith(PAYMENT) || storageKey.startsWith(DRAFT);
}

function parse<Value>(text: string | null): Value | null {
  if (text === null) return null;
  try {
    return JSON.parse(text) as Value;
  } catch {
    return null;
  }
}
