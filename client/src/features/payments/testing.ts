/** A page and a service for the tests of payments. */

import type { Transaction } from '@/realtime/documents';
import type { DeliveryParts } from './delivery';
import type { Confirmation } from './confirming';
import type { Answer, Finding, Payment } from './payment';
import { PaymentStore, type PaymentStorage } from './payment-store';

export const transaction = { id: 'T', sequence: 7 } as Transaction;
export const SENT: Answer = { type: 'sent', transaction };
export const LOST: Answer = { type: 'lost' };
export const NONE: Finding = { type: 'none' };
export const FOUND: Finding = { type: 'sent', transaction };
export const TO_CONFIRM: Answer = { type: 'to-confirm', required: { challenge: 'c', methods: ['TOTP'] } };
export const CONFIRMATION: Confirmation = { challenge: 'c', secondFactor: { totpCode: '123456' } };
export const refusal = (reason: string): Answer => ({ type: 'refused', refusal: { reason, message: 'No.', fields: [] } });

export function memory(): PaymentStorage {
  const items = new Map<string, string>();
  return {
    keys: () => [...items.keys()],
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => Boolean(items.set(key, value)),
    removeItem: (key) => void items.delete(key),
  };
}

export const payment: Payment = {
  key: 'key-0001',
  userId: 'viewer',
  intent: {
    kind: 'TRANSFER',
    recipient: { id: 'u', name: 'User Beta', emailHint: 'u…a@demo.app' },
    amount: { amount: '12.50', currency: 'USD' },
    note: '',
  },
  state: 'ready',
  changedAt: 0,
  leftAt: null,
  transaction: null,
};

/** A page with its own clock; the service gives `answers`, `findings` and `closings` one after the other. */
export function page(answers: Answer[], findings: Finding[] = [], { closings = [] as Finding[], storage = memory() } = {}) {
  let clock = 1_000_000;
  const store = new PaymentStore(storage, 'viewer', () => clock);
  const requests: { key: string; recorded: string | undefined }[] = [];
  const closed: { key: string; recorded: string | undefined }[] = [];
  const parts: DeliveryParts = {
    store,
    send: ({ key }) => {
      requests.push({ key, recorded: store.get(key)?.state });
      return Promise.resolve(answers.shift() ?? LOST);
    },
    ask: () => Promise.resolve(findings.shift() ?? { type: 'lost' }),
    close: ({ key }) => {
      closed.push({ key, recorded: store.get(key)?.state });
      return Promise.resolve(closings.shift() ?? { type: 'lost' });
    },
    now: () => clock,
    delay: (milliseconds) => {
      clock += milliseconds;
      return Promise.resolve();
    },
  };
  return { parts, store, requests, closed, now: () => clock };
}
