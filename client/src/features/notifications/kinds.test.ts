import { expect, it } from 'vitest';
import type { Notification } from '@/realtime';
import { lookOf, placeOf, sentenceOf } from './kinds';
import { withChoices } from './useMailChoices';

const notification = (given: object) => ({ message: 'Something happened.', transaction: null, webhook: null, paymentRequest: null, ...given }) as Notification;

it('leads to its subject, and nowhere if that is gone or not known yet', () => {
  const transaction = { id: 'T1', amount: { amount: '12.50', currency: 'USD' }, counterparty: { id: 'U1', name: 'Bo' } };
  const received = notification({ kind: 'MONEY_RECEIVED', transaction });
  expect(placeOf(received)).toEqual({ name: 'transaction', params: { id: 'T1' } });
  expect(sentenceOf(received)).toBe('Bo sent you $12.50');
  expect(placeOf(notification({ kind: 'MONEY_RECEIVED' }))).toBeNull();
  expect(placeOf(notification({ kind: 'WEBHOOK_DISABLED', webhook: { id: 'W1' } }))).toEqual({
    name: 'webhook',
    params: { id: 'W1' },
  });
  const scheduledTransfer = { id: 'S1' };
  expect(placeOf(notification({ kind: 'SCHEDULED_TRANSFER_SENT', transaction, scheduledTransfer }))).toEqual({
    name: 'scheduled-transfer',
    params: { id: 'S1' },
  });
  expect(placeOf(notification({ kind: 'WEBHOOK_DISABLED' }))).toEqual({ name: 'webhooks' });
  expect(placeOf(notification({ kind: 'SECURITY_CHANGED' }))).toEqual({ name: 'security' });
});

it('of money that was taken back or not added says how much, and leads to it', () => {
  const amount = { amount: '20', currency: 'USD' };
  const reversal = { id: 'T2', direction: 'OUTGOING', amount, counterparty: null };
  const reversed = notification({ kind: 'TRANSACTION_REVERSED', transaction: reversal });
  expect(sentenceOf(reversed)).toBe('$20.00 that you had added was taken back');
  expect(placeOf(reversed)).toEqual({ name: 'transaction', params: { id: 'T2' } });
  const counterparty = { id: 'U1', name: 'Bo' };
  expect(sentenceOf(notification({ kind: 'TRANSACTION_REVERSED', transaction: { ...reversal, counterparty } }))).toBe('$20.00 that Bo had sent you was taken back');
  const returned = { ...reversal, direction: 'INCOMING', counterparty };
  expect(sentenceOf(notification({ kind: 'TRANSACTION_REVERSED', transaction: returned }))).toBe('$20.00 that you had sent to Bo was returned to you');
  const failed = notification({ kind: 'TOP_UP_FAILED', topUp: { id: 'P1', amount } });
  expect(sentenceOf(failed)).toBe('$20.00 was not added: the payment failed or was not made in time');
  expect(placeOf(failed)).toEqual({ name: 'top-up', query: { topUp: 'P1' } });
});

it('of a request leads to it, and says who did what', () => {
  const paymentRequest = { id: 'R1', amount: { amount: '12.50', currency: 'USD' }, requester: { id: 'U1', name: 'Bo' }, payer: { id: 'U2', name: 'Cy' } };
  const paid = notification({ kind: 'REQUEST_PAID', paymentRequest });
  expect(placeOf(paid)).toEqual({ name: 'payment-request', params: { id: 'R1' } });
  expect(sentenceOf(paid)).toBe('Cy paid your request for $12.50');
  expect(sentenceOf(notification({ kind: 'REQUEST_RECEIVED', paymentRequest }))).toBe('Bo requests $12.50 from you');
  expect(placeOf(notification({ kind: 'REQUEST_EXPIRED' }))).toEqual({ name: 'requests' });
});

it('of a newer kind is shown with its sentence and a bell', () => {
  const newer = notification({ kind: 'RAFFLE_WON' });
  expect(placeOf(newer)).toBeNull();
  expect(lookOf(newer).tone).toBe('plain');
  expect(sentenceOf(newer)).toBe('Something happened');
});

it('keeps the choices of kinds that it does not show', () => {
  const choices = new Map([['MONEY_RECEIVED', true] as const, ['WEBHOOK_DISABLED', false] as const]);
  expect(withChoices(['REQUEST_RECEIVED', 'WEBHOOK_DISABLED'], choices)).toEqual(['REQUEST_RECEIVED', 'MONEY_RECEIVED']);
});
