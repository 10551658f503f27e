/** Announces incoming money with a toast, also to screen readers. */

import { formatMoney } from '@/lib/money';
import type { UserScope } from '@/lib/user-scope';
import { showToast } from '@/ui/toasts';
import type { Transaction } from './documents';
import { isolated } from './isolated';
import { onTransaction } from './listeners';

/** Payments that arrive within this time are announced together. */
const GATHER_MILLISECONDS = 150;
const MOST_ONE_BY_ONE = 2;

/** Until the session of that user ends. */
export function announceIncoming(scope: UserScope): void {
  let gathered: Transaction[] = [];
  const stop = onTransaction((transaction) => {
    if (transaction.kind !== 'TRANSFER' || transaction.direction !== 'INCOMING') return;
    if (gathered.push(transaction) > 1) return;
    setTimeout(() => {
      if (scope.isActive) announce(gathered);
      gathered = [];
    }, GATHER_MILLISECONDS);
  });
  scope.onEnd(stop);
}

function announce(transactions: Transaction[]): void {
  if (transactions.length > MOST_ONE_BY_ONE) {
    showToast({
      tone: 'incoming',
      title: `You received ${String(transactions.length)} payments`,
      to: '/activity',
    });
    return;
  }
  for (const transaction of transactions) showToast({ tone: 'incoming', ...wordsFor(transaction) });
}

/** The toast of an incoming payment. */
export function wordsFor(transaction: Transaction) {
  return {
    title: `${isolated(transaction.counterparty?.name ?? 'Someone')} sent you ${formatMoney(transaction.amount)}`,
    detail: transaction.note ?? undefined,
    to: `/activity/${encodeURIComponent(transaction.id)}`,
  };
}
