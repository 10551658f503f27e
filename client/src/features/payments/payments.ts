/** The payments of who is signed in: under way in this page, or left open by an earlier one. */

import { shallowReactive, shallowRef, watch } from 'vue';
import { delay, exclusively, keeper, session } from '@/api/session';
import { noteTransaction, type Transaction } from '@/realtime';
import { deliver, findOut, type DeliveryParts, type Ending } from './delivery';
import { newKey, type Intent, type Payment } from './payment';
import { isOfPayments, PaymentStore } from './payment-store';
import * as requests from './requests';

export type Status =
  | { phase: 'sending' | 'repeating' | 'checking' | 'not-sent' }
  | Exclude<{ [Type in Ending['type']]: { phase: Type } & Omit<Extract<Ending, { type: Type }>, 'type'> }[Ending['type']], { phase: 'unknown' }>;

/** By key: what this page knows of a payment beyond its record. */
export const statuses = shallowReactive(new Map<string, Status>());

/** The records that are not settled, for whoever shows them. */
export const openPayments = shallowRef<Payment[]>([]);

const stopped = new Set<string>();

/** The store of who is signed in. */
export function paymentStore(): PaymentStore | null {
  if (!keeper.viewerId) return null;
  try {
    return new PaymentStore(localStorage, keeper.viewerId, Date.now);
  } catch {
    return null;
  }
}

/** A payment ready to be sent, with its record; the one that another tab has ready, if it is the same. */
export function prepare(intent: Intent, keyToKeep: string | null = null): Payment {
  const store = paymentStore();
  const kept = keyToKeep ? store?.get(keyToKeep) : null;
  if (kept?.state === 'open') return { ...kept, intent };
  const same = store?.pending(intent);
  if (same) return same;
  const payment: Payment = {
    key: newKey(),
    intent,
    state: 'ready',
    changedAt: Date.now(),
    leftAt: null,
    transaction: null,
  };
  try {
    store?.put(payment);
  } catch {
    // `deliver` says so before anything leaves.
  }
  return payment;
}

/** Sends it, once; a second call while it is under way changes nothing. */
export async function pay(payment: Payment): Promise<void> {
  const phase = statuses.get(payment.key)?.phase;
  if (phase === 'sending' || phase === 'repeating' || phase === 'checking') return;
  statuses.set(payment.key, { phase: 'sending' });
  stopped.delete(payment.key);
  const store = paymentStore();
  if (!store) {
    statuses.set(payment.key, { phase: 'declined', message: 'Sign in again: nothing was sent.' });
    return;
  }
  const ending = await exclusively(`payment.${payment.key}`, () =>
    deliver(payment, partsFor(payment.key, store)),
  );
  refreshOpen();
  if (ending.type === 'unknown') {
    await check(store.get(payment.key) ?? payment);
    return;
  }
  const { type, ...rest } = ending;
  conclude(payment.key, { phase: type, ...rest } as Status);
}

/** Asks what became of it; sends nothing. */
export async function check(payment: Payment): Promise<void> {
  if (statuses.get(payment.key)?.phase === 'checking') return;
  statuses.set(payment.key, { phase: 'checking' });
  const store = paymentStore();
  if (!store) return;
  const found = await exclusively(`payment.${payment.key}`, () =>
    findOut(payment, partsFor(payment.key, store)),
  );
  conclude(
    payment.key,
    found.type === 'sent' ? { phase: 'sent', transaction: found.transaction } : { phase: 'not-sent' },
  );
}

/** No further try; what has left already is asked after. */
export function stopRepeating(key: string): void {
  stopped.add(key);
}

/** The person wants it no more, or has seen what became of it. */
export function dismiss(key: string): void {
  const store = paymentStore();
  if (store?.get(key)?.state !== 'sent') store?.remove(key);
  statuses.delete(key);
  refreshOpen();
}

function partsFor(key: string, store: PaymentStore): DeliveryParts {
  return {
    store,
    send: requests.send,
    ask: requests.ask,
    now: Date.now,
    delay,
    onRepeat: () => statuses.set(key, { phase: 'repeating' }),
    isStopped: () => stopped.has(key),
  };
}

function conclude(key: string, status: Status): void {
  statuses.set(key, status);
  if ('transaction' in status) noteTransaction(status.transaction as Transaction);
  refreshOpen();
}

function refreshOpen(): void {
  openPayments.value = (paymentStore()?.list() ?? []).filter(({ state }) => state === 'open');
}

/** Asks after what an earlier page or another tab left open, and follows what other tabs do. */
function follow(): void {
  const store = paymentStore();
  refreshOpen();
  for (const payment of openPayments.value) {
    if (!statuses.has(payment.key)) void check(payment);
  }
  for (const [key, { phase }] of statuses) {
    const record = store?.get(key);
    if (record?.state === 'sent' && record.transaction && phase === 'not-sent') {
      conclude(key, { phase: 'sent', transaction: record.transaction });
    }
  }
}

const ASK_AGAIN_MILLISECONDS = 10_000;
let isFollowing = false;

/** Call it once, when a page that shows payments is first opened. */
export function followPayments(): void {
  if (isFollowing) return;
  isFollowing = true;
  addEventListener('storage', (event) => {
    if (isOfPayments(event.key)) follow();
  });
  // What was "not sent" is asked after again as long as it is shown: a late request may yet arrive.
  setInterval(() => void askAgain(), ASK_AGAIN_MILLISECONDS);
  watch(
    () => (session.value.status === 'signed-in' ? session.value.viewerId : null),
    (_viewerId, before) => {
      const { value } = session;
      if (before && value.status === 'signed-out' && value.because === 'signed-out') forgetOf(before);
      statuses.clear();
      follow();
    },
    { immediate: true },
  );
}

/** Whoever leaves this browser leaves nothing behind but what is not settled yet. */
function forgetOf(viewerId: string): void {
  const store = new PaymentStore(localStorage, viewerId, Date.now);
  store.clearDraft();
  for (const { key, state } of store.list()) if (state !== 'open') store.remove(key);
}

async function askAgain(): Promise<void> {
  for (const payment of openPayments.value) {
    if (statuses.get(payment.key)?.phase !== 'not-sent') continue;
    const finding = await requests.ask(payment);
    if (finding.type !== 'sent' || statuses.get(payment.key)?.phase !== 'not-sent') continue;
    paymentStore()?.put({ ...payment, state: 'sent', transaction: finding.transaction });
    conclude(payment.key, { phase: 'sent', transaction: finding.transaction });
  }
}
