/** Payments and the draft of the next one, kept in the browser across reloads and shared by its tabs. */

import { sameIntent, type Intent, type Payment, type Person } from './payment';

/** The form as it was left. */
export interface Draft {
  recipient: Person | null;
  amount: string;
  note: string;
  step: 'form' | 'confirm';
  /** The payment that the form has become, if it was confirmed. */
  key: string | null;
  changedAt: number;
}

export type PaymentStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem' | 'key' | 'length'>;

const PREFIX = 'mini-wallet.';
const MINUTE = 60_000;
const SENT_MILLISECONDS = 10 * MINUTE;
const READY_MILLISECONDS = 12 * 60 * MINUTE;

export class PaymentStore {
  private readonly payments: string;
  private readonly drafts: string;

  constructor(
    private readonly storage: PaymentStorage,
    viewerId: string,
    private readonly now: () => number,
  ) {
    this.payments = `${PREFIX}payment.${viewerId}.`;
    this.drafts = `${PREFIX}draft.${viewerId}`;
  }

  /** Those that are still worth knowing of, the oldest first. */
  list(): Payment[] {
    const keys = Array.from({ length: this.storage.length }, (_, index) => this.storage.key(index));
    return keys
      .filter((key) => key?.startsWith(this.payments))
      .map((key) => this.get((key as string).slice(this.payments.length)))
      .filter((payment) => payment !== null)
      .sort((first, second) => first.changedAt - second.changedAt);
  }

  get(key: string): Payment | null {
    const payment = parse<Payment>(this.storage.getItem(this.payments + key));
    if (!payment || !this.isOld(payment)) return payment;
    this.remove(key);
    return null;
  }

  /** Raises what the browser raises when it keeps nothing: then nothing may leave either. */
  put(payment: Payment): void {
    const kept = { ...payment, changedAt: this.now() };
    const text = JSON.stringify(kept);
    this.storage.setItem(this.payments + payment.key, text);
    if (this.storage.getItem(this.payments + payment.key) !== text) {
      throw new Error('This browser does not keep what it is given.');
    }
  }

  remove(key: string): void {
    this.storage.removeItem(this.payments + key);
  }

  /** A payment of the same content that has not happened: another tab may have made it ready. */
  pending(intent: Intent): Payment | null {
    return (
      this.list().find(
        (payment) => payment.state !== 'sent' && sameIntent(payment.intent, intent),
      ) ?? null
    );
  }

  draft(): Draft | null {
    const draft = parse<Draft>(this.storage.getItem(this.drafts));
    return draft && this.now() - draft.changedAt < READY_MILLISECONDS ? draft : null;
  }

  saveDraft(draft: Omit<Draft, 'changedAt'>): void {
    try {
      this.storage.setItem(this.drafts, JSON.stringify({ ...draft, changedAt: this.now() }));
    } catch {
      // A draft is a comfort; what must be kept is kept by `put`.
    }
  }

  clearDraft(): void {
    this.storage.removeItem(this.drafts);
  }

  private isOld(payment: Payment): boolean {
    const age = this.now() - payment.changedAt;
    if (payment.state === 'sent') return age > SENT_MILLISECONDS;
    return payment.state === 'ready' && age > READY_MILLISECONDS;
  }
}

/** Whether a change of storage concerns payments or drafts. */
export function isOfPayments(storageKey: string | null): boolean {
  return storageKey === null || /^mini-wallet\.(payment|draft)\./.test(storageKey);
}

function parse<Value>(text: string | null): Value | null {
  if (text === null) return null;
  try {
    return JSON.parse(text) as Value;
  } catch {
    return null;
  }
}
