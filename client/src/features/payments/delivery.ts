/**
 * Carries a payment out exactly once, and tells its outcome only when it is known.
 *
 * The record is stored before the request is made: in the browser's storage, or in memory where that is blocked (the
 * page then warns before it is left). Without an answer the request is repeated with the same key for a minute; after
 * that, and after a reload, the key's transaction is looked up. The user then sends the payment again, with the same
 * key, or gives it up, which closes the key. "Not sent" is said only of a closed key.
 */

import type { Transaction } from '@/realtime';
import type { Confirmation, ToConfirm } from './confirming';
import type { Answer, Finding, Payment, Refusal } from './payment';
import type { PaymentStore } from './payment-store';

/** Final: neither changes any more, whatever is still in transit. */
export type Outcome = { type: 'sent'; transaction: Transaction } | { type: 'not-sent' };

export type Ending =
  | Outcome
  /** Nothing was sent; the user can correct it. */
  | { type: 'refused'; refusal: Refusal }
  /** Nothing was sent, for a reason that has nothing to do with the payment; its key is unused. */
  | { type: 'declined'; message: string }
  /** The key was used for another payment: what the form said before it was edited. */
  | { type: 'sent-otherwise'; transaction: Transaction }
  /** Not sent by this request, before a second factor is given. */
  | ToConfirm
  | { type: 'unknown' };

export interface DeliveryParts {
  store: Pick<PaymentStore, 'get' | 'remove'> & { put(payment: Payment): void };
  send(payment: Payment, confirmation?: Confirmation): Promise<Answer>;
  /** Looks up the key's transaction; "none" may change. */
  ask(payment: Payment): Promise<Finding>;
  /** Closes the key; "none" is final. */
  close(payment: Payment): Promise<Finding>;
  now(): number;
  delay(milliseconds: number): Promise<void>;
  /** Called when the user should be told that it takes longer, and why. */
  onPhase?(phase: 'repeating' | 'closing'): void;
}

export const REPEAT_MILLISECONDS = 60_000;
/** A request usually arrives within this time: the user is not asked to decide before. */
export const USUAL_TRANSIT_MILLISECONDS = 5_000;
const PAUSES_MILLISECONDS = [700, 1_500, 3_000, 5_000];
const TOO_LATE = 'The request took too long to arrive, so nothing was sent. Try again.';

/**
 * Sends until there is an answer, the user gives it up, or a minute is over. Only one tab at a time may do so.
 * `confirmation` is the second factor that an earlier request was asked for.
 */
export async function deliver(wanted: Payment, parts: DeliveryParts, confirmation?: Confirmation): Promise<Ending> {
  const { store } = parts;
  const { key } = wanted;
  // Another tab may have sent it, or given it up.
  if (isDecided(store.get(key))) return endingOf(store.get(key));
  /** An earlier request with this key may still arrive. */
  let isUncertain = store.get(key)?.state === 'open';
  const until = parts.now() + REPEAT_MILLISECONDS;
  for (let tries = 0; ; tries += 1) {
    store.put({ ...wanted, state: 'open', leftAt: parts.now(), transaction: null });
    const answer = await parts.send(wanted, confirmation);
    if (answer.type === 'sent') return sent(wanted, answer.transaction, parts);
    if (isDecided(store.get(key))) return endingOf(store.get(key));
    if (answer.type === 'to-confirm') return toConfirm(wanted, answer, isUncertain, parts);
    if (answer.type === 'refused' && confirmation && answer.refusal.reason === 'InvalidSecondFactor') {
      return toConfirm(wanted, { type: 'misconfirmed' }, isUncertain, parts);
    }
    if (answer.type === 'refused') return refused(wanted, answer.refusal, isUncertain, parts);
    if (answer.type === 'declined' && !isUncertain) return declined(wanted, answer.message, parts);
    if (answer.type === 'lost') isUncertain = true;
    const asked = answer.type === 'declined' ? (answer.retryAfterSeconds ?? Infinity) * 1000 : 0;
    const pause = Math.max(asked, pauseAfter(tries));
    if (parts.now() + pause > until) return { type: 'unknown' };
    parts.onPhase?.('repeating');
    await parts.delay(pause);
    if (isDecided(store.get(key))) return endingOf(store.get(key));
  }
}

/** Looks it up, without sending. Null if it is not recorded so far, or was given up meanwhile. */
export async function findOut(payment: Payment, parts: DeliveryParts): Promise<Outcome | null> {
  const began = parts.now();
  for (let tries = 0; ; tries += 1) {
    const known = parts.store.get(payment.key);
    if (isDecided(known)) return outcomeOf(known);
    const finding = await parts.ask(payment);
    if (finding.type === 'sent') return sent(payment, finding.transaction, parts);
    // If the device's clock was set back, a request cannot have been made later than now.
    const left = Math.min(known?.leftAt ?? payment.leftAt ?? 0, began);
    const wait = left + USUAL_TRANSIT_MILLISECONDS - parts.now();
    if (finding.type === 'none' && wait <= 0) return null;
    await parts.delay(finding.type === 'none' ? Math.min(wait, 1_000) : pauseAfter(tries));
  }
}

/** Gives it up: closes its key, and tries until the service has answered. */
export async function giveUp(payment: Payment, parts: DeliveryParts): Promise<Outcome> {
  const { store } = parts;
  for (let tries = 0; ; tries += 1) {
    const known = store.get(payment.key) ?? payment;
    const outcome = outcomeOf(known);
    if (outcome) return outcome;
    if (known.state !== 'closing') store.put({ ...known, state: 'closing' });
    const finding = await parts.close(payment);
    if (finding.type === 'sent') return sent(payment, finding.transaction, parts);
    if (finding.type === 'none') return notSent(payment, parts);
    await parts.delay(pauseAfter(tries));
  }
}

async function refused(payment: Payment, refusal: Refusal, isUncertain: boolean, parts: DeliveryParts): Promise<Ending> {
  if (refusal.reason === 'IdempotencyKeyClosed') return notSent(payment, parts);
  const isReused = refusal.reason === 'IdempotencyKeyReused';
  const isTooLate = refusal.reason === 'TooLate';
  if (!isReused && !isUncertain) {
    if (isTooLate) return declined(payment, TOO_LATE, parts);
    parts.store.remove(payment.key);
    return { type: 'refused', refusal };
  }
  // This request was refused, but an earlier one may still arrive: only the closed key tells.
  parts.onPhase?.('closing');
  const outcome = await giveUp(payment, parts);
  if (outcome.type === 'sent') return isReused ? { ...outcome, type: 'sent-otherwise' } : outcome;
  return isReused || isTooLate ? outcome : { type: 'refused', refusal };
}

/** Unless an earlier request may still arrive, the payment is as if it had never left. */
function toConfirm(payment: Payment, ending: ToConfirm, isUncertain: boolean, parts: DeliveryParts): Ending {
  if (!isUncertain) parts.store.put({ ...payment, state: 'ready', leftAt: null, transaction: null });
  return ending;
}

function declined(payment: Payment, message: string, parts: DeliveryParts): Ending {
  parts.store.put({ ...payment, state: 'ready', leftAt: null, transaction: null });
  return { type: 'declined', message };
}

function sent(payment: Payment, transaction: Transaction, parts: DeliveryParts): Outcome {
  parts.store.put({ ...payment, state: 'sent', transaction });
  return { type: 'sent', transaction };
}

function notSent(payment: Payment, parts: DeliveryParts): Outcome {
  parts.store.put({ ...payment, state: 'closed', transaction: null });
  return { type: 'not-sent' };
}

/** Whether no further request is wanted: it was sent, or the user gave it up. */
const isDecided = (record: Payment | null): boolean => record !== null && record.state !== 'ready' && record.state !== 'open';

function outcomeOf(record: Payment | null): Outcome | null {
  if (record?.state === 'sent' && record.transaction) return { type: 'sent', transaction: record.transaction };
  return record?.state === 'closed' ? { type: 'not-sent' } : null;
}

const endingOf = (record: Payment | null): Ending => outcomeOf(record) ?? { type: 'unknown' };

const pauseAfter = (tries: number): number => PAUSES_MILLISECONDS[Math.min(tries, PAUSES_MILLISECONDS.length - 1)] ?? 0;
