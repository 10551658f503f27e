import { describe, expect, it } from 'vitest';
import { deliver, findOut, giveUp, type DeliveryParts } from './delivery';
import type { Confirmation } from './confirming';
import type { Finding, Payment } from './payment';
import { draftKey, forgetOthers, PaymentStore } from './payment-store';
import { transaction, SENT, LOST, NONE, FOUND, TO_CONFIRM, CONFIRMATION, refusal, memory, payment, page } from './testing';

describe('delivering a payment', () => {
  it('writes the record before the request leaves', async () => {
    const { parts, requests, store } = page([SENT]);
    expect(await deliver(payment, parts)).toEqual(SENT);
    expect(requests).toEqual([{ key: payment.key, recorded: 'open' }]);
    expect(store.get(payment.key)?.state).toBe('sent');
  });

  it('is sent for its own user only', async () => {
    const { parts, requests } = page([SENT]);
    await expect(deliver({ ...payment, userId: 'another' }, parts)).rejects.toThrow('belongs to another user');
    expect(requests).toEqual([]);
  });

  it('is as before it was sent while the user is asked for a second factor', async () => {
    const { parts, store } = page([TO_CONFIRM, refusal('InvalidSecondFactor'), TO_CONFIRM, SENT]);
    expect(await deliver(payment, parts)).toEqual(TO_CONFIRM);
    expect(store.get(payment.key)?.state).toBe('ready');
    expect(await deliver(payment, parts, CONFIRMATION)).toEqual({ type: 'misconfirmed' });
    expect(store.get(payment.key)?.state).toBe('ready');
    expect(await deliver(payment, parts)).toEqual(TO_CONFIRM);
    expect(await deliver(payment, parts, CONFIRMATION)).toEqual(SENT);
  });

  it('repeats a lost answer with the same second factor, and stays open where that is not accepted then', async () => {
    const sent: (Confirmation | undefined)[] = [];
    const { parts, store } = page([LOST, refusal('InvalidSecondFactor')]);
    const send: DeliveryParts['send'] = (wanted, confirmation) => {
      sent.push(confirmation);
      return parts.send(wanted, confirmation);
    };
    expect(await deliver(payment, { ...parts, send }, CONFIRMATION)).toEqual({ type: 'misconfirmed' });
    expect(sent).toEqual([CONFIRMATION, CONFIRMATION]);
    expect(store.get(payment.key)?.state).toBe('open');
  });

  it('repeats a lost answer with the same key', async () => {
    const { parts, requests } = page([LOST, LOST, SENT]);
    expect(await deliver(payment, parts)).toEqual(SENT);
    expect(requests.map(({ key }) => key)).toEqual([payment.key, payment.key, payment.key]);
  });

  it('stops repeating after a minute, and then it is unknown', async () => {
    const { parts, now, store } = page([]);
    const began = now();
    expect(await deliver(payment, parts)).toEqual({ type: 'unknown' });
    expect(now() - began).toBeLessThanOrEqual(60_000);
    expect(store.get(payment.key)?.state).toBe('open');
  });

  it('stops repeating once it is given up, also in another tab', async () => {
    const { parts, requests, store } = page([LOST]);
    const delay = () => {
      store.put({ ...payment, state: 'closing' });
      return Promise.resolve();
    };
    expect(await deliver(payment, { ...parts, delay })).toEqual({ type: 'unknown' });
    expect(requests).toHaveLength(1);
    store.put({ ...payment, state: 'closed' });
    expect(await deliver(payment, parts)).toEqual({ type: 'not-sent' });
    expect(requests).toHaveLength(1);
  });

  it('does not send what another tab has sent', async () => {
    const storage = memory();
    const first = page([SENT], [], { storage });
    await deliver(payment, first.parts);
    const second = page([], [], { storage });
    expect(await deliver(payment, second.parts)).toEqual(SENT);
    expect(second.requests).toEqual([]);
  });

  it('forgets the key of a payment that was refused', async () => {
    const { parts, store } = page([refusal('InsufficientFunds')]);
    expect((await deliver(payment, parts)).type).toBe('refused');
    expect(store.get(payment.key)).toBeNull();
  });

  it('closes the key before it says refused, if an earlier request may still arrive', async () => {
    const { parts, closed } = page([LOST, refusal('InsufficientFunds')], [], { closings: [LOST as Finding, NONE] });
    expect((await deliver(payment, parts)).type).toBe('refused');
    expect(closed.map(({ key }) => key)).toEqual([payment.key, payment.key]);
  });

  it('never says refused if the money was sent', async () => {
    const { parts } = page([LOST, refusal('InsufficientFunds')], [], { closings: [FOUND] });
    expect(await deliver(payment, parts)).toEqual(SENT);
  });

  it('shows what was sent if the key was used for another payment', async () => {
    const { parts } = page([refusal('IdempotencyKeyReused')], [], { closings: [FOUND] });
    expect(await deliver(payment, parts)).toEqual({ type: 'sent-otherwise', transaction });
  });

  it('says "not sent" if the key was closed elsewhere', async () => {
    const { parts, store, closed } = page([LOST, refusal('IdempotencyKeyClosed')]);
    expect(await deliver(payment, parts)).toEqual({ type: 'not-sent' });
    expect(store.get(payment.key)?.state).toBe('closed');
    expect(closed).toEqual([]);
  });

  it('keeps the key of a request that arrived too late', async () => {
    const { parts, store } = page([refusal('TooLate')]);
    expect(await deliver(payment, parts)).toMatchObject({ type: 'declined', message: expect.stringContaining('too long') as string });
    expect(store.get(payment.key)?.state).toBe('ready');
  });

  it('closes the key if a request arrived too late after one without an answer', async () => {
    const { parts, closed } = page([LOST, refusal('TooLate')], [], { closings: [NONE] });
    expect(await deliver(payment, parts)).toEqual({ type: 'not-sent' });
    expect(closed).toHaveLength(1);
  });

  it('says so when it was turned away before anything happened', async () => {
    const { parts, store } = page([{ type: 'declined', message: 'Wait.', retryAfterSeconds: 5 }]);
    expect(await deliver(payment, parts)).toEqual({ type: 'declined', message: 'Wait.' });
    expect(store.get(payment.key)?.state).toBe('ready');
  });

  it('does not take being turned away for an answer to the request before', async () => {
    const { parts } = page([LOST, { type: 'declined', message: 'Signed out.', retryAfterSeconds: null }]);
    expect(await deliver(payment, parts)).toEqual({ type: 'unknown' });
  });

  it('waits as long as the service asks before it repeats', async () => {
    const { parts, now } = page([LOST, { type: 'declined', message: 'Wait.', retryAfterSeconds: 20 }, SENT]);
    const began = now();
    expect(await deliver(payment, parts)).toEqual(SENT);
    expect(now() - began).toBeGreaterThanOrEqual(20_000);
  });
});

describe('finding out after a reload', () => {
  const open = (leftAt: number): Payment => ({ ...payment, state: 'open', leftAt });

  it('only asks', async () => {
    const { parts, requests, now, store } = page([], [FOUND]);
    store.put(open(now()));
    expect(await findOut(payment, parts)).toEqual(FOUND);
    expect(requests).toEqual([]);
    expect(store.get(payment.key)?.state).toBe('sent');
  });

  it('asks the user nothing while the request is probably on its way', async () => {
    const { parts, now, store } = page([], [NONE, NONE, NONE, FOUND]);
    store.put(open(now()));
    expect(await findOut(payment, parts)).toEqual(FOUND);
  });

  it('does not wait for a clock that was set back', async () => {
    const { parts, now, store } = page([], [NONE, NONE, NONE, NONE, NONE, NONE, NONE]);
    const began = now();
    store.put(open(began + 86_400_000));
    expect(await findOut(payment, parts)).toBeNull();
    expect(now() - began).toBeLessThan(10_000);
  });

  it('never says "not sent" of a key that is not closed', async () => {
    const { parts, now, store } = page([], [NONE]);
    store.put(open(now() - 3_600_000));
    expect(await findOut(payment, parts)).toBeNull();
    expect(store.get(payment.key)?.state).toBe('open');
  });

  it('goes on asking while there is no answer', async () => {
    const { parts, now, store } = page([], [LOST as Finding, LOST as Finding, FOUND]);
    store.put(open(now()));
    expect(await findOut(payment, parts)).toEqual(FOUND);
  });

  it('repeats with the same key when the user says so', async () => {
    const { parts, requests, store } = page([SENT]);
    store.put(open(0));
    expect(await deliver(payment, parts)).toEqual(SENT);
    expect(requests.map(({ key }) => key)).toEqual([payment.key]);
  });
});

describe('giving up', () => {
  it('says "not sent" only after the service has closed the key', async () => {
    const { parts, store, closed } = page([], [], { closings: [LOST as Finding, LOST as Finding, NONE] });
    store.put({ ...payment, state: 'open', leftAt: 1 });
    expect(await giveUp(payment, parts)).toEqual({ type: 'not-sent' });
    expect(closed).toEqual(Array(3).fill({ key: payment.key, recorded: 'closing' }));
    expect(store.get(payment.key)?.state).toBe('closed');
  });

  it('says "sent" if the key has a transaction', async () => {
    const { parts, store } = page([], [], { closings: [FOUND] });
    store.put({ ...payment, state: 'open', leftAt: 1 });
    expect(await giveUp(payment, parts)).toEqual(SENT);
    expect(store.get(payment.key)?.state).toBe('sent');
  });

  it('agrees with what another tab found out', async () => {
    const { parts, store, closed } = page([]);
    store.put({ ...payment, state: 'closed' });
    expect(await giveUp(payment, parts)).toEqual({ type: 'not-sent' });
    expect(closed).toEqual([]);
  });
});

describe('the records', () => {
  it('finds what another tab has prepared with the same content, and nothing that was sent or given up', () => {
    const { store } = page([]);
    store.put(payment);
    expect(store.pending({ ...payment.intent, note: ' ' }, ['ready', 'open'])?.key).toBe(payment.key);
    expect(store.pending({ ...payment.intent, note: 'other' }, ['ready', 'open'])).toBeNull();
    expect(store.pending({ ...payment.intent, requestId: 'R' }, ['ready', 'open'])).toBeNull();
    store.put({ ...payment, state: 'sent', transaction });
    expect(store.pending(payment.intent, ['ready', 'open'])).toBeNull();
    store.put({ ...payment, state: 'closing' });
    expect(store.pending(payment.intent, ['ready', 'open'])).toBeNull();
  });

  it('never forgets one that is open', async () => {
    const { parts, store } = page([]);
    store.put({ ...payment, state: 'open', leftAt: 1 });
    store.put({ ...payment, key: 'key-0002' });
    await parts.delay(24 * 3_600_000);
    expect(store.list().map(({ key }) => key)).toEqual([payment.key]);
  });

  it.each(['', '5', '{"state":"ready"}', '[{}]'])('takes no notice of what is none: %s', (text) => {
    const storage = memory();
    storage.setItem('mini-wallet.payment.viewer.broken', text);
    const { store } = page([], [], { storage });
    expect(store.list()).toEqual([]);
    expect(store.pending(payment.intent, ['ready', 'open'])).toBeNull();
  });

  it('belongs to one user', () => {
    const storage = memory();
    page([], [], { storage }).store.put(payment);
    expect(new PaymentStore(storage, 'another', () => 0).list()).toEqual([]);
  });

  it('of a user who signed out are removed, except those that may have moved money', () => {
    const storage = memory();
    const { store } = page([], [], { storage });
    store.put(payment);
    store.put({ ...payment, key: 'key-0002', state: 'open', leftAt: 1 });
    store.saveDraft({ recipient: null, amount: '7', note: 'secret', step: 'form', key: null });
    storage.setItem(draftKey('viewer', 'request'), 'secret');
    forgetOthers(storage, 'viewer');
    expect(storage.getItem(draftKey('viewer', 'request'))).toBe('secret');
    expect(store.list()).toHaveLength(2);
    expect(store.draft()?.note).toBe('secret');
    forgetOthers(storage, 'another');
    expect(store.list().map(({ key }) => key)).toEqual(['key-0002']);
    expect(store.draft()).toBeNull();
    expect(storage.getItem(draftKey('viewer', 'request'))).toBeNull();
  });
});
