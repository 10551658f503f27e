/** The kinds of transaction, and what the client says about each. */

import { Plus, Undo2 } from 'lucide-vue-next';
import type { FunctionalComponent } from 'vue';
import { formatMoney } from '@/lib/money';
import { isolated, type Transaction } from '@/realtime';

export type TransactionKind = Transaction['kind'];

interface KindTexts {
  /** In the filter of the activity. */
  plural: string;
  /** In lists. */
  title: (transaction: Transaction) => string;
  sentence: (transaction: Transaction) => string;
  /** Who is on the other side. */
  otherSide: (transaction: Transaction) => string;
  /** In lists; null for the counterparty's picture. */
  icon: FunctionalComponent | null;
}

const counterpartyName = ({ counterparty }: Transaction): string => counterparty?.name ?? 'Someone';

export const KINDS: Record<TransactionKind, KindTexts> = {
  TRANSFER: {
    plural: 'Transfers',
    title: counterpartyName,
    sentence: (transaction) => {
      const amount = formatMoney(transaction.amount);
      const name = isolated(transaction.counterparty?.name ?? 'someone');
      return transaction.direction === 'INCOMING' ? `${name} sent you ${amount}` : `You sent ${amount} to ${name}`;
    },
    otherSide: counterpartyName,
    icon: null,
  },
  TOP_UP: {
    plural: 'Added money',
    title: () => 'Added money',
    sentence: ({ amount }) => `You added ${formatMoney(amount)}`,
    otherSide: () => 'Top-up',
    icon: Plus,
  },
  REVERSAL: {
    plural: 'Reversals',
    title: ({ direction, counterparty }) => {
      if (!counterparty) return 'Added money taken back';
      return direction === 'INCOMING' ? `Returned by ${counterparty.name}` : `Taken back by ${counterparty.name}`;
    },
    sentence: (transaction) => {
      const amount = formatMoney(transaction.amount);
      if (!transaction.counterparty) return `Taken back: ${amount} that you had added`;
      const name = isolated(transaction.counterparty.name);
      return transaction.direction === 'INCOMING'
        ? `Returned to you: ${amount} that you had sent to ${name}`
        : `Taken back: ${amount} that ${name} had sent you`;
    },
    otherSide: ({ counterparty }) => counterparty?.name ?? 'Top-up',
    icon: Undo2,
  },
};
