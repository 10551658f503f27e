// @vitest-environment jsdom
import { beforeEach, describe, expect, it } from 'vitest';
import { answerWith } from '@/api/testing';
import { keeper } from '@/api/session';
import type { Intent } from './payment';
import { dismiss, pay, paymentStore, prepare, statuses } from './payments';

const intent: Intent = {
  kind: 'TOP_UP',
  recipient: null,
  amount: { amount: '5.00', currency: 'USD' },
  note: '',
};
const money = { __typename: 'Money', amount: '5.00', currency: 'USD' };
const transaction = {
  __typename: 'Transaction',
  id: 'T',
  reference: 'R',
  sequence: 1,
  kind: 'TOP_UP',
  direction: 'INCOMING',
  amount: money,
  fee: money,
  counterparty: null,
  note: null,
  balanceAfter: money,
  createdAt: '2026-11-22T08:30:00Z',
};

let requests: unknown[];

function answering(variables: Record<string, unknown>): Promise<Response> {
  requests.push(variables);
  const addBalance = { __typename: 'BalanceAdded', transaction };
  return Promise.resolve(Response.json({ data: { addBalance } }));
}

beforeEach(() => {
  localStorage.clear();
  statuses.clear();
  requests = [];
  keeper.begin({ accessToken: 't', expiresAt: new Date(Date.now() + 900_000).toISOString() }, 'viewer');
  answerWith(answering);
});

describe('payments of this page', () => {
  it('leave once, however often one taps', async () => {
    const payment = prepare(intent);
    await Promise.all([pay(payment), pay(payment), pay(payment)]);
    expect(requests).toHaveLength(1);
    expect(statuses.get(payment.key)).toMatchObject({ phase: 'sent' });
  });

  it('have the key that another tab has ready for the same', () => {
    const elsewhere = prepare(intent);
    expect(prepare({ ...intent }).key).toBe(elsewhere.key);
    expect(prepare({ ...intent, amount: { ...intent.amount, amount: '6.00' } }).key).not.toBe(elsewhere.key);
  });

  it('have a new key once the one before has happened', async () => {
    const first = prepare(intent);
    await pay(first);
    expect(prepare(intent).key).not.toBe(first.key);
  });

  it('keep their key through a change while an earlier request may yet arrive', () => {
    const first = prepare(intent);
    paymentStore()?.put({ ...first, state: 'open', leftAt: Date.now() });
    const changed = prepare({ ...intent, note: 'other' }, first.key);
    expect(changed.key).toBe(first.key);
    expect(changed.intent.note).toBe('other');
  });

  it('are forgotten when they are wanted no more', () => {
    const payment = prepare(intent);
    dismiss(payment.key);
    expect(paymentStore()?.list()).toEqual([]);
  });

  it('do not leave when nobody is signed in', async () => {
    const payment = prepare(intent);
    keeper.end('signed-out');
    await pay(payment);
    expect(requests).toEqual([]);
    expect(statuses.get(payment.key)?.phase).toBe('declined');
  });
});
