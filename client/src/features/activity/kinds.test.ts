import { expect, it } from 'vitest';
import type { Transaction } from '@/realtime';
import { KINDS } from './kinds';

const reversal = { kind: 'REVERSAL', amount: { amount: '12.50', currency: 'USD' }, direction: 'INCOMING', counterparty: { name: 'Bo' } } as Transaction;

/** Without the characters that isolate names from the text around them. */
const said = (transaction: Transaction): string => KINDS[transaction.kind].sentence(transaction).replace(/[\u2066-\u2069]/g, '');

it('says of a reversal who gets the money back', () => {
  expect(said(reversal)).toBe('Returned to you: $12.50 that you had sent to Bo');
  expect(said({ ...reversal, direction: 'OUTGOING' })).toBe('Taken back: $12.50 that Bo had sent you');
  expect(said({ ...reversal, direction: 'OUTGOING', counterparty: null })).toBe('Taken back: $12.50 that you had added');
  expect(KINDS.REVERSAL.title({ ...reversal, counterparty: null })).toBe('Added money taken back');
});
