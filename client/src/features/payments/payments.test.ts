// @vitest-environment jsdom
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { answerWith } from '@/api/testing';
import { keeper } from '@/api/session';
import type { Intent } from './payment';
import { payments, startPayments } from './payments';

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
  keeper.end('signed-out');
  localStorage.clear();
  requests = [];
  signIn('viewer');
});

function signIn(userId: string): void {
  const expiresAt = new Date(Date.now() + 900_000).toISOString();
  keeper.begin({ accessToken: `token of ${userId}`, expiresAt, refreshToken: null }, userId);
  answerWith(answering);
}

/** Between the tests nothing of another is left. */
startPayments();

describe('payments of this page', () => {
  it('leave once, however often one taps', async () => {
    const payment = payments().prepare(intent);
    await Promise.all([payments().pay(payment), payments().pay(payment), payments().pay(payment)]);
    expect(requests).toHaveLength(1);
    expect(payments().statuses.get(payment.key)).toMatchObject({ phase: 'sent' });
  });

  it('have the key that another tab has ready for the same', () => {
    const elsewhere = payments().prepare(intent);
    expect(payments().prepare({ ...intent }).key).toBe(elsewhere.key);
    expect(payments().prepare({ ...intent, amount: { ...intent.amount, amount: '6.00' } }).key).not.toBe(elsewhere.key);
  });

  it('are two where the user typed the same twice, unless the first is on its way', () => {
    const first = payments().prepare(intent);
    const second = payments().prepare(intent, { isTypedAgain: true });
    expect(second.key).not.toBe(first.key);
    payments().store.put({ ...first, state: 'open', leftAt: 1 });
    expect(payments().prepare(intent, { isTypedAgain: true }).key).toBe(first.key);
  });

  it('have a new key once the one before has happened', async () => {
    const first = payments().prepare(intent);
    await payments().pay(first);
    expect(payments().prepare(intent).key).not.toBe(first.key);
  });

  it('close their key when they are dropped while a request may still arrive', async () => {
    const { key } = payments().prepare(intent);
    payments().store.put({ ...payments().prepare(intent), state: 'open', leftAt: 1 });
    answerWith((variables) => {
      requests.push(variables);
      const closeIdempotencyKey = { __typename: 'IdempotencyKeySettled', transaction: null };
      return Promise.resolve(Response.json({ data: { closeIdempotencyKey } }));
    });
    payments().dismiss(key);
    expect(payments().statuses.get(key)).toEqual({ phase: 'closing' });
    await vi.waitFor(() => expect(payments().statuses.get(key)).toEqual({ phase: 'not-sent' }));
    expect(requests).toEqual([{ input: { kind: 'TOP_UP', idempotencyKey: key } }]);
    expect(payments().prepare(intent).key).not.toBe(key);
  });

  it('are shown as sent if their key has a transaction when it is closed', async () => {
    const { key } = payments().prepare(intent);
    payments().store.put({ ...payments().prepare(intent), state: 'open', leftAt: 1 });
    const closeIdempotencyKey = { __typename: 'IdempotencyKeySettled', transaction };
    answerWith(() => Promise.resolve(Response.json({ data: { closeIdempotencyKey } })));
    await payments().giveUpAll();
    expect(payments().statuses.get(key)).toMatchObject({ phase: 'sent', transaction: { id: 'T' } });
  });

  it('are refused by the service if they arrive long after they were sent', async () => {
    await payments().pay(payments().prepare(intent));
    const [{ input }] = requests as [{ input: { notAfter: string } }];
    const milliseconds = Date.parse(input.notAfter) - Date.now();
    expect(milliseconds).toBeGreaterThan(60_000);
    expect(milliseconds).toBeLessThanOrEqual(120_000);
  });

  it('are forgotten when they are wanted no more', () => {
    const payment = payments().prepare(intent);
    payments().dismiss(payment.key);
    expect(payments().store.list()).toEqual([]);
  });

  it('are not sent while signed out', async () => {
    const payment = payments().prepare(intent);
    keeper.end('signed-out');
    await payments().pay(payment);
    expect(requests).toEqual([]);
    expect(payments().statuses.get(payment.key)?.phase).toBe('declined');
  });

  it('of one user are not shown to the next, who cannot send them', async () => {
    const ofViewer = payments();
    const payment = ofViewer.prepare(intent);
    ofViewer.store.put({ ...payment, state: 'open', leftAt: 1 });
    signIn('another');
    expect(payments().open.value).toEqual([]);
    expect(payments().statuses.size).toBe(0);
    await payments().pay(payment);
    await ofViewer.pay(payment);
    await ofViewer.check(payment);
    expect(requests).toEqual([]);
    expect(payments().statuses.get(payment.key)?.phase).toBe('declined');
  });

  it('are not reported if the answer arrives after the user has signed out', async () => {
    let answer: (response: Response) => void = () => undefined;
    answerWith((variables) => {
      requests.push(variables);
      return new Promise((resolve) => (answer = resolve));
    });
    const ofViewer = payments();
    const payment = ofViewer.prepare(intent);
    const paying = ofViewer.pay(payment);
    await vi.waitFor(() => expect(requests).toHaveLength(1));
    signIn('another');
    answer(Response.json({ data: { addBalance: { __typename: 'BalanceAdded', transaction } } }));
    await paying;
    expect(payments().statuses.size).toBe(0);
    signIn('viewer');
    expect(payments().open.value.map(({ key }) => key)).toEqual([payment.key]);
  });

  it('that an earlier page left open are remembered until their outcomes have been seen', async () => {
    const payment = payments().prepare(intent);
    payments().store.put({ ...payment, state: 'closing', leftAt: 1 });
    keeper.end('signed-out');
    signIn('viewer');
    answerWith(() => Promise.resolve(Response.json({ data: { closeIdempotencyKey: { __typename: 'IdempotencyKeySettled', transaction: null } } })));
    await vi.waitFor(() => expect(payments().statuses.get(payment.key)).toEqual({ phase: 'not-sent' }));
    expect([...payments().leftOpen.keys()]).toEqual([payment.key]);
    payments().dismiss(payment.key);
    expect(payments().leftOpen.size).toBe(0);
  });

  it('leave no draft behind for another user, whichever page was open', () => {
    payments().saveDraft({ recipient: null, amount: '7.77', note: 'secret', step: 'form', key: null });
    keeper.end('signed-out');
    expect(JSON.stringify({ ...localStorage })).not.toContain('secret');
  });

  it('that this browser does not keep are sent all the same, and the page warns before it is left', async () => {
    vi.spyOn(Storage.prototype, 'setItem').mockImplementation(() => {
      throw new DOMException('Access is denied.', 'SecurityError');
    });
    let answer: (response: Response) => void = () => undefined;
    answerWith(() => new Promise((resolve) => (answer = resolve)));
    const payment = payments().prepare(intent);
    expect(payments().isUnsafeToLeave.value).toBe(false);
    const paying = payments().pay(payment);
    await vi.waitFor(() => expect(payments().isUnsafeToLeave.value).toBe(true));
    const leaving = new Event('beforeunload', { cancelable: true });
    window.dispatchEvent(leaving);
    expect(leaving.defaultPrevented).toBe(true);
    answer(Response.json({ data: { addBalance: { __typename: 'BalanceAdded', transaction } } }));
    await paying;
    expect(payments().statuses.get(payment.key)).toMatchObject({ phase: 'sent' });
    expect(payments().isUnsafeToLeave.value).toBe(false);
  });
});
