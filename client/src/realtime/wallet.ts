/** The signed-in person's wallet as it stands now: the balance, the newest lines, and what comes. */

import { shallowReadonly, shallowRef, watch } from 'vue';
import { client, sentenceFor, session, type ResultOf } from '@/api';
import { delay, keeper } from '@/api/session';
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
  /** The newest lines without a gap, newest first: one page at first, more as they are asked for. */
  lines: Transaction[];
  /** Where the older ones begin; null when all are here. */
  olderCursor: string | null;
}

const current = shallowRef<Wallet | null>(null);
let order: EventOrder<Transaction> | null = null;
let stop: (() => void) | null = null;

/** Null until it has been read, and while nobody is signed in. */
export const wallet = shallowReadonly(current);

/** What the answer to the person's own payment brought: it need not wait for the stream. */
export function noteTransaction(transaction: Transaction): void {
  order?.offer(transaction);
}

let loading: Promise<string | null> | null = null;

/** Reads the next page of older lines, if there is one. Null when done, else a sentence why not. */
export function loadOlder(): Promise<string | null> {
  loading ??= readOlder().finally(() => {
    loading = null;
  });
  return loading;
}

async function readOlder(): Promise<string | null> {
  const before = current.value;
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
  if (!page || current.value?.olderCursor !== before.olderCursor) return null;
  const oldest = current.value.lines.at(-1)?.sequence ?? Infinity;
  current.value = {
    ...current.value,
    lines: [...current.value.lines, ...page.nodes.filter((line) => line.sequence < oldest)],
    olderCursor: olderCursorOf(page.pageInfo),
  };
  return null;
}

const olderCursorOf = (pageInfo: { hasNextPage: boolean; endCursor: string | null }) =>
  pageInfo.hasNextPage ? pageInfo.endCursor : null;

/** Follows the session: opens the wallet of who signs in, closes it when they sign out. Call it once. */
export function startRealtime(): void {
  announceIncoming();
  watch(
    () => (session.value.status === 'signed-in' ? session.value.viewerId : null),
    (viewerId) => {
      stop?.();
      stop = null;
      current.value = null;
      if (viewerId) stop = open(viewerId);
    },
    { immediate: true, flush: 'sync' },
  );
}

function open(viewerId: string): () => void {
  let isOpen = true;
  const transports: Transport[] = [];
  let channels: PusherTransport | undefined;
  const stillOpen = () => isOpen;

  async function start(): Promise<void> {
    const read = await readUntilAnswered(stillOpen);
    if (!read || !isOpen) return;
    const { viewer, pusher } = read;
    current.value = {
      viewerId,
      isVerified: viewer.emailVerifiedAt !== null,
      balance: viewer.balance,
      sequence: viewer.sequence,
      lines: viewer.transactions.nodes,
      olderCursor: olderCursorOf(viewer.transactions.pageInfo),
    };
    order = new EventOrder<Transaction>(viewer.sequence, {
      readAfter,
      deliver,
      startOver: () => void start(),
      delay,
    });
    if (transports.length > 0) return;
    transports.push(startGraphqlTransport(socketUrl(), partsFor('graphql')));
    if (!pusher?.channel) return;
    channels = startPusherTransport(
      { ...pusher, channel: pusher.channel },
      { ...partsFor('pusher'), channel: ask },
    );
    transports.push(channels);
  }

  /** While the socket is away the session may have been replaced, and with it the channel. */
  async function look(): Promise<void> {
    const channel = await ask().catch(() => null);
    if (channel && isOpen) channels?.follow(channel);
  }

  const nudge = () => {
    for (const transport of transports) transport.nudge();
    void order?.catchUp();
  };
  const wake = watchForSleep(nudge);
  addEventListener('online', nudge);
  const watching = setInterval(() => {
    if (!isTransportUp('graphql') && order) void look();
  }, WATCH_MILLISECONDS);

  setListening(true);
  void start();
  return () => {
    isOpen = false;
    clearInterval(watching);
    wake();
    removeEventListener('online', nudge);
    order?.stop();
    order = null;
    for (const transport of transports) transport.stop();
    setListening(false);
  };
}

function deliver(transaction: Transaction): void {
  if (!current.value) return;
  current.value = {
    ...current.value,
    sequence: transaction.sequence,
    balance: transaction.balanceAfter,
    lines: [transaction, ...current.value.lines],
  };
  tellOf(transaction);
}

function partsFor(name: string): TransportParts {
  return {
    accessToken: () => keeper.accessToken(),
    refused: async (token) => void (await keeper.accessTokenAfter(token)),
    last: () => order?.last ?? 0,
    onTransaction: (transaction) => order?.offer(transaction),
    onUp: (isUp) => {
      setTransport(name, isUp);
      // What was pushed before it listened is only in the book; the subscription replays by itself.
      if (isUp && name === 'pusher' && !isTransportUp('graphql')) void order?.catchUp();
    },
  };
}

/** An ordinary request tells what came, whether the session is active, and which channel it has. */
async function ask(): Promise<string | null> {
  const { data, error } = await client.value
    .query(WalletSequence, {}, { requestPolicy: 'network-only' })
    .toPromise();
  if (error) throw error;
  if (data?.viewer) order?.noteNewest(data.viewer.sequence);
  return data?.wallet.pusher?.channel ?? null;
}

async function readUntilAnswered(stillOpen: () => boolean) {
  for (let tries = 0; stillOpen(); tries += 1) {
    const { data } = await client.value
      .query(WalletNow, { first: FIRST_PAGE }, { requestPolicy: 'network-only' })
      .toPromise();
    if (data?.viewer) return { viewer: data.viewer, pusher: data.wallet.pusher as PusherSettings | null };
    await delay(Math.min(500 * 2 ** tries, 4_000));
  }
  return null;
}

async function readAfter(sequence: number): Promise<Transaction[] | null> {
  const missed: Transaction[] = [];
  let after: string | null = null;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const result: { data?: ResultOf<typeof NewestTransactions>; error?: Error } = await client.value
      .query(NewestTransactions, { first: PAGE, after }, { requestPolicy: 'network-only' })
      .toPromise();
    const lines = result.data?.viewer?.transactions;
    if (!lines) throw result.error ?? new Error('The wallet could not be read.');
    missed.push(...lines.nodes.filter((line) => line.sequence > sequence));
    const oldest = lines.nodes.at(-1);
    if (!oldest || oldest.sequence <= sequence + 1) return missed.reverse();
    after = lines.pageInfo.endCursor;
  }
  return null;
}

function socketUrl(): string {
  const url = new URL('/graphql', location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}

/** After sleep the clock has jumped: sockets may be dead without knowing it. */
function watchForSleep(awake: () => void): () => void {
  let seen = Date.now();
  const timer = setInterval(() => {
    const now = Date.now();
    if (now - seen > 30_000 && document.visibilityState === 'visible') awake();
    seen = now;
  }, 5_000);
  return () => clearInterval(timer);
}
