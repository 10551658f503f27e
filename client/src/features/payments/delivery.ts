/**
 * Carries a payment out exactly once, whatever happens on the way.
 *
 * The record is written before the request leaves: to storage, or to memory where the browser keeps nothing, and
 * then the page warns before it is left. A lost answer is repeated with the same key for a
 * minute; after that, and after a reload, the service is only asked what became of the key.
 */

import type { Transaction } from '@/realtime';
import type { Answer, Finding, Payment, Refusal } from './payment';
import type { PaymentStore } from './payment-store';

export type Ending =
  | { type: 'sent'; transaction: Transaction }
  /** Nothing moved; the person can mend it. */
  | { type: 'refused'; refusal: Refusal }
  /** Nothing moved, for a reason that has nothing to do with the payment. */
  | { type: 'declined'; message: string }
  /** The key moved something else: what the form said before it was edited. */
  | { type: 'sent-otherwise'; transaction: Transaction }
  | { type: 'unknown' };

export type Found = { type: 'sent'; transaction: Transaction } | { type: 'not-sent' };

export interface DeliveryParts {
  store: Pick<PaymentStore, 'get' | 'remove'> & { put(payment: Payment): void };
  send(payment: Payment): Promise<Answer>;
  ask(payment: Payment): Promise<Finding>;
  now(): number;
  delay(milliseconds: number): Promise<void>;
  /** Called as it starts to repeat: the person is told that it takes longer. */
  onRepeat?(): void;
  /** True once the person wants no further try. */
  isStopped?(): boolean;
}

export const REPEAT_MILLISECONDS = 60_000;
/** A request that left so long ago and is not in the books is taken not to arrive any more. */
export const SETTLING_MILLISECONDS = 5_000;
const PAUSES_MILLISECONDS = [700, 1_500, 3_000, 5_000];

/** Sends until there is an answer or a minute is over. One tab at a time may do so. */
export async function deliver(wanted: Payment, parts: DeliveryParts): Promise<Ending> {
  const { store } = parts;
  const known = store.get(wanted.key);
  // Another tab was first.
  if (known?.state === 'sent' && known.transaction) return sent(known.transaction);
  /** An earlier request with this key may yet have moved money. */
  let isUncertain = known?.state === 'open';
  const until = parts.now() + REPEAT_MILLISECONDS;
  for (let tries = 0; ; tries += 1) {
    store.put({ ...wanted, state: 'open', leftAt: parts.now(), transaction: null });
    const answer = await parts.send(wanted);
    if (answer.type === 'sent') {
      settle(wanted, answer.transaction, parts);
      return sent(answer.transaction);
    }
    if (answer.type === 'refused') return refused(wanted, answer.refusal, isUncertain, parts);
    if (answer.type === 'declined' && !isUncertain) {
      store.put({ ...wanted, state: 'ready', leftAt: null, transaction: null });
      return { type: 'declined', message: answer.message };
    }
    if (answer.type === 'lost') isUncertain = true;
    const asked = answer.type === 'declined' ? (answer.retryAfterSeconds ?? Infinity) * 1000 : 0;
    const usual = PAUSES_MILLISECONDS[Math.min(tries, PAUSES_MILLISECONDS.length - 1)] ?? 0;
    const pause = Math.max(asked, usual);
    if (parts.now() + pause > until || parts.isStopped?.()) return { type: 'unknown' };
    parts.onRepeat?.();
    await parts.delay(pause);
    if (parts.isStopped?.()) return { type: 'unknown' };
  }
}

/** Asks, without sending, until there is an answer. */
export async function findOut(payment: Payment, parts: DeliveryParts): Promise<Found> {
  const began = parts.now();
  for (let tries = 0; ; tries += 1) {
    const known = parts.store.get(payment.key);
    if (known?.state === 'sent' && known.transaction) return sent(known.transaction);
    const finding = await parts.ask(payment);
    if (finding.type === 'sent') {
      settle(payment, finding.transaction, parts);
      return sent(finding.transaction);
    }
    // Where the device's clock was set back meanwhile, what left "later" left before this began.
    const left = Math.min(known?.leftAt ?? payment.leftAt ?? 0, began);
    const wait = left + SETTLING_MILLISECONDS - parts.now();
    if (finding.type === 'none' && wait <= 0) return { type: 'not-sent' };
    const usual = PAUSES_MILLISECONDS[Math.min(tries, PAUSES_MILLISECONDS.length - 1)] ?? 0;
    await parts.delay(finding.type === 'none' ? Math.min(wait, 1_000) : usual);
  }
}

async function refused(
  payment: Payment,
  refusal: Refusal,
  isUncertain: boolean,
  parts: DeliveryParts,
): Promise<Ending> {
  const isReused = refusal.reason === 'IdempotencyKeyReused';
  if (!isReused && !isUncertain) {
    parts.store.remove(payment.key);
    return { type: 'refused', refusal };
  }
  const finding = await parts.ask(payment);
  if (finding.type === 'sent') {
    settle(payment, finding.transaction, parts);
    return isReused ? { ...finding, type: 'sent-otherwise' } : sent(finding.transaction);
  }
  // The record stays, so that the next try has the same key: at most one of them can move money.
  return isReused || finding.type === 'lost' ? { type: 'unknown' } : { type: 'refused', refusal };
}

function settle(payment: Payment, transaction: Transaction, parts: DeliveryParts): void {
  parts.store.put({ ...payment, state: 'sent', transaction });
}

const sent = (transaction: Transaction): { type: 'sent'; transaction: Transaction } => ({
  type: 'sent',
  transaction,
});
