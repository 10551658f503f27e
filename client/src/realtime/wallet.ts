/** The wallet of the signed-in user: balance, newest transactions and live updates. */

import { computed, shallowRef } from 'vue';
import type { CombinedError } from '@urql/core';
import { client, sentenceFor, type ResultOf } from '@/api';
import { delay, keeper } from '@/api/session';
import { onWake } from '@/lib/clock';
import { perUser, startForEachUser, type UserScope } from '@/lib/user-scope';
import { announceIncoming } from './announce';
import { isTransportUp, setListening, setTransport } from './connection';
import {
  NewestTransactions,
  WalletNow,
  WalletSequence,
  type PusherSettings,
  type Transaction,
} from './documents';
import { EventOrder } from './event-order';
import { startGraphqlTransport } from './graphql-transport';
import { startPusherTransport, type PusherTransport } from './pusher-transport';
import { tellOf } from './listeners';
import type { Transport, TransportParts } from './transport';

const FIRST_PAGE = 20;
const PAGE = 100;
const MOST_PAGES = 20;
const WATCH_MILLISECONDS = 3_500;

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

/** The wallet of one user and its event stream. */
class OpenWallet {
  readonly current = shallowRef<Wallet | null>(null);
  /** Why it could not be loaded yet. */
  readonly failure = shallowRef<CombinedError | null>(null);
  private order: EventOrder<Transaction> | null = null;
  private loading: Promise<string | null> | null = null;
  private readonly transports: Transport[] = [];
  private channels: PusherTransport | undefined;

  constructor(private readonly scope: UserScope) {}

  /** Loads it and keeps it up to date until the session ends. */
  open(): void {
    const { scope } = this;
    if (scope.userId === null) return;
    announceIncoming(scope);
    const nudge = () => this.nudge();
    addEventListener('online', nudge);
    const stopWaking = onWake(nudge);
    const watching = setInterval(() => {
      if (!isTransportUp('graphql') && this.order) void this.look();
    }, WATCH_MILLISECONDS);
    setListening(true);
    scope.onEnd(() => {
      clearInterval(watching);
      stopWaking();
      removeEventListener('online', nudge);
      this.order?.stop();
      for (const transport of this.transports) transport.stop();
      setListening(false);
    });
    void this.start(scope.userId);
  }

  offer(transaction: Transaction): void {
    if (this.scope.isActive) this.order?.offer(transaction);
  }

  loadOlder(): Promise<string | null> {
    this.loading ??= this.readOlder().finally(() => {
      this.loading = null;
    });
    return this.loading;
  }

  private async start(userId: string): Promise<void> {
    const read = await this.readUntilAnswered();
    if (!read || !this.scope.isActive) return;
    const { viewer, pusher } = read;
    this.current.value = {
      viewerId: userId,
      isVerified: viewer.emailVerifiedAt !== null,
      balance: viewer.balance,
      sequence: viewer.sequence,
      transactions: viewer.transactions.nodes,
      olderCursor: olderCursorOf(viewer.transactions.pageInfo),
    };
    this.order = new EventOrder<Transaction>(viewer.sequence, {
      readAfter,
      deliver: (transaction) => this.deliver(transaction),
      startOver: () => void this.start(userId),
      delay,
    });
    if (this.transports.length > 0) return;
    this.transports.push(startGraphqlTransport(socketUrl(), this.partsFor('graphql', userId)));
    if (!pusher?.channel) return;
    this.channels = startPusherTransport(
      { ...pusher, channel: pusher.channel },
      { ...this.partsFor('pusher', userId), channel: () => this.ask() },
    );
    this.transports.push(this.channels);
  }

  /** While the socket is disconnected, the session may have been replaced, and with it the channel. */
  private async look(): Promise<void> {
    const channel = await this.ask().catch(() => null);
    if (channel && this.scope.isActive) this.channels?.follow(channel);
  }

  private nudge(): void {
    for (const transport of this.transports) transport.nudge();
    void this.order?.catchUp();
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

  private partsFor(name: string, userId: string): TransportParts {
    return {
      accessToken: () => keeper.accessToken(userId),
      refused: async (token) => void (await keeper.accessTokenAfter(token, userId)),
      last: () => this.order?.last ?? 0,
      onTransaction: (transaction) => this.offer(transaction),
      onUp: (isUp) => {
        if (!this.scope.isActive) return;
        setTransport(name, isUp);
        // Channels does not replay earlier events: they are read. The subscription replays by itself.
        if (isUp && name === 'pusher' && !isTransportUp('graphql')) void this.order?.catchUp();
      },
    };
  }

  /** A plain request tells the newest sequence, whether the session is active, and its channel. */
  private async ask(): Promise<string | null> {
    const { data, error } = await client.value
      .query(WalletSequence, {}, { requestPolicy: 'network-only' })
      .toPromise();
    if (error) throw error;
    if (data?.viewer) this.order?.noteNewest(data.viewer.sequence);
    return data?.wallet.pusher?.channel ?? null;
  }

  private async readUntilAnswered() {
    for (let tries = 0; this.scope.isActive; tries += 1) {
      const { data, error } = await client.value
        .query(WalletNow, { first: FIRST_PAGE }, { requestPolicy: 'network-only' })
        .toPromise();
      this.failure.value = error ?? null;
      if (data?.viewer) return { viewer: data.viewer, pusher: data.wallet.pusher as PusherSettings | null };
      await delay(Math.min(500 * 2 ** tries, 4_000));
    }
    return null;
  }

  private async readOlder(): Promise<string | null> {
    const before = this.current.value;
    if (!before?.olderCursor) return null;
    const { data, error } = await client.value
      .query(
        NewestTransactions,
        { first: FIRST_PAGE, after: before.olderCursor },
        { requestPolicy: 'network-only' },
      )
      .toPromise();
    if (error) return sentenceFor(error);
    const page = data?.viewer?.transactions;
    const now = this.current.value;
    if (!page || now?.olderCursor !== before.olderCursor) return null;
    const oldest = now.transactions.at(-1)?.sequence ?? Infinity;
    this.current.value = {
      ...now,
      transactions: [...now.transactions, ...page.nodes.filter((transaction) => transaction.sequence < oldest)],
      olderCursor: olderCursorOf(page.pageInfo),
    };
    return null;
  }
}

const openWallet = perUser((scope) => new OpenWallet(scope));

/** Opens the wallet of each user who signs in. Call it once in main.ts. */
export function startRealtime(): void {
  startForEachUser(() => openWallet().open());
}

/** Null until it has been loaded, and while signed out. */
export const wallet = computed(() => openWallet().current.value);

/** Why the wallet could not be loaded; null otherwise. */
export const walletFailure = computed(() => openWallet().failure.value);

/** Adds the transaction of a response to the user's own payment, before the stream delivers it. */
export function noteTransaction(transaction: Transaction): void {
  openWallet().offer(transaction);
}

/** Loads the next page of older transactions, if there is one. Returns null, or a message why it failed. */
export function loadOlder(): Promise<string | null> {
  return openWallet().loadOlder();
}

const olderCursorOf = (pageInfo: { hasNextPage: boolean; endCursor: string | null }) =>
  pageInfo.hasNextPage ? pageInfo.endCursor : null;

async function readAfter(sequence: number): Promise<Transaction[] | null> {
  const missed: Transaction[] = [];
  let after: string | null = null;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const result: { data?: ResultOf<typeof NewestTransactions>; error?: Error } = await client.value
      .query(NewestTransactions, { first: PAGE, after }, { requestPolicy: 'network-only' })
      .toPromise();
    const transactions = result.data?.viewer?.transactions;
    if (!transactions) throw result.error ?? new Error('The wallet could not be read.');
    missed.push(...transactions.nodes.filter((transaction) => transaction.sequence > sequence));
    const oldest = transactions.nodes.at(-1);
    if (!oldest || oldest.sequence <= sequence + 1) return missed.reverse();
    after = transactions.pageInfo.endCursor;
  }
  return null;
}

function socketUrl(): string {
  const url = new URL('/graphql', location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}
