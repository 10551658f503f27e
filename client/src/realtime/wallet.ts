/** The wallet of the signed-in user: balance and newest transactions. */

import { computed, shallowRef } from 'vue';
import { client, sentenceFor } from '@/api';
import { delay } from '@/api/session';
import { perUser, type UserScope } from '@/lib/user-scope';
import { NewestTransactions, type Transaction, type ViewerNow } from './documents';
import { EventOrder } from './event-order';
import { tellOf } from './listeners';
import { FIRST_PAGE, olderCursorOf, readAfter, type ReadPage } from './pages';

export interface Wallet {
  viewerId: string;
  isVerified: boolean;
  balance: { amount: string; currency: string };
  /** The number of the newest transaction; 0 before the first. */
  sequence: number;
  /** The newest transactions without a gap, newest first: one page at first, more on request. */
  transactions: Transaction[];
  /** The cursor of older ones; null if all have been loaded. */
  olderCursor: string | null;
}

const numberOf = ({ sequence }: Transaction): number => sequence;

const readPage: ReadPage<Transaction> = async (first, after) => {
  const { data, error } = await client.value
    .query(NewestTransactions, { first, after }, { requestPolicy: 'network-only' })
    .toPromise();
  return { page: data?.viewer?.transactions, error };
};

/** The wallet of one user and its event stream. */
class OpenWallet {
  readonly current = shallowRef<Wallet | null>(null);
  private order: EventOrder<Transaction> | null = null;
  private loading: Promise<string | null> | null = null;

  constructor(private readonly scope: UserScope) {
    scope.onEnd(() => this.order?.stop());
  }

  /** The number of the newest known transaction. */
  get last(): number {
    return this.order?.last ?? 0;
  }

  /** With what was just read; `startOver` is called where too much was missed. */
  begin(viewer: ViewerNow, startOver: () => void): void {
    this.current.value = {
      viewerId: viewer.id,
      isVerified: viewer.emailVerifiedAt !== null,
      balance: viewer.balance,
      sequence: viewer.sequence,
      transactions: viewer.transactions.nodes,
      olderCursor: olderCursorOf(viewer.transactions),
    };
    this.order?.stop();
    this.order = new EventOrder<Transaction>(viewer.sequence, {
      numberOf,
      readAfter: (sequence) => readAfter(sequence, numberOf, readPage),
      deliver: (transaction) => this.deliver(transaction),
      startOver,
      delay,
    });
  }

  offer(transaction: Transaction): void {
    if (this.scope.isActive) this.order?.offer(transaction);
  }

  noteNewest(sequence: number): void {
    this.order?.noteNewest(sequence);
  }

  catchUp(): void {
    void this.order?.catchUp();
  }

  loadOlder(): Promise<string | null> {
    this.loading ??= this.readOlder().finally(() => {
      this.loading = null;
    });
    return this.loading;
  }

  private deliver(transaction: Transaction): void {
    if (!this.current.value || !this.scope.isActive) return;
    this.current.value = {
      ...this.current.value,
      sequence: transaction.sequence,
      balance: transaction.balanceAfter,
      transactions: [transaction, ...this.current.value.transactions],
    };
    tellOf(transaction);
  }

  private async readOlder(): Promise<string | null> {
    const before = this.current.value;
    if (!before?.olderCursor) return null;
    const { page, error } = await readPage(FIRST_PAGE, before.olderCursor);
    if (error) return sentenceFor(error);
    const now = this.current.value;
    if (!page || now?.olderCursor !== before.olderCursor) return null;
    const oldest = now.transactions.at(-1)?.sequence ?? Infinity;
    this.current.value = {
      ...now,
      transactions: [...now.transactions, ...page.nodes.filter((transaction) => transaction.sequence < oldest)],
      olderCursor: olderCursorOf(page),
    };
    return null;
  }
}

export const openWallet = perUser((scope) => new OpenWallet(scope));

/** Null until it has been loaded, and while signed out. */
export const wallet = computed(() => openWallet().current.value);

/** Adds the transaction of a response to the user's own payment, before the stream delivers it. */
export function noteTransaction(transaction: Transaction): void {
  openWallet().offer(transaction);
}

/** Loads the next page of older transactions, if there is one. Returns null, or a message why it failed. */
export function loadOlder(): Promise<string | null> {
  return openWallet().loadOlder();
}
