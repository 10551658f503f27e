/** Transactions in words. */

import { formatMoney } from '@/lib/money';
import { isolated, type Transaction } from '@/realtime';

/** The other user, or "Added money". */
export function titleOf({ kind, counterparty }: Transaction): string {
  if (kind === 'TOP_UP') return 'Added money';
  return counterparty?.name ?? 'Someone';
}

/** "You sent $12.34 to User Beta". */
export function sentenceOf(transaction: Transaction): string {
  const amount = formatMoney(transaction.amount);
  if (transaction.kind === 'TOP_UP') return `You added ${amount}`;
  const name = isolated(transaction.counterparty?.name ?? 'someone');
  return transaction.direction === 'INCOMING'
    ? `${name} sent you ${amount}`
    : `You sent ${amount} to ${name}`;
}

export const signOf = ({ direction }: Transaction): 'incoming' | 'outgoing' =>
  direction === 'INCOMING' ? 'incoming' : 'outgoing';
