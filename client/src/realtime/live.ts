/** Loads the wallet and the notifications of the signed-in user, and keeps them up to date over both transports. */

import { computed, shallowRef } from 'vue';
import type { CombinedError } from '@urql/core';
import { client } from '@/api';
import { delay, keeper } from '@/api/session';
import { onWake } from '@/lib/clock';
import { perUser, startForEachUser, type UserScope } from '@/lib/user-scope';
import { announceIncoming } from './announce';
import { isTransportUp, setListening, setTransport } from './connection';
import { WalletNow, WalletSequence, type PusherSettings } from './documents';
import { startGraphqlTransport } from './graphql-transport';
import { openNotifications } from './notifications';
import { FIRST_PAGE } from './pages';
import { startPusherTransport, type PusherTransport } from './pusher-transport';
import type { Transport, TransportParts } from './transport';
import { openWallet } from './wallet';

const WATCH_MILLISECONDS = 3_500;

class LiveUpdates {
  /** Why the wallet could not be loaded yet. */
  readonly failure = shallowRef<CombinedError | null>(null);
  private readonly wallet = openWallet();
  private readonly notifications = openNotifications();
  private readonly transports: Transport[] = [];
  private channels: PusherTransport | undefined;
  /** Whether the service was restored to an earlier point in time since this page was loaded. */
  readonly wasRestored = shallowRef(false);
  private epoch = '';
  private starting: Promise<void> | null = null;

  constructor(private readonly scope: UserScope) {}

  /** Until the session ends. */
  open(): void {
    const { scope } = this;
    if (scope.userId === null) return;
    announceIncoming(scope);
    const nudge = () => this.nudge();
    // On another device, notifications may have been read meanwhile.
    const lookAgain = () => {
      if (document.visibilityState === 'visible' && this.transports.length > 0) void this.look();
    };
    addEventListener('online', nudge);
    document.addEventListener('visibilitychange', lookAgain);
    const stopWaking = onWake(nudge);
    const watching = setInterval(() => {
      if (!isTransportUp('graphql') && this.transports.length > 0) void this.look();
    }, WATCH_MILLISECONDS);
    setListening(true);
    scope.onEnd(() => {
      clearInterval(watching);
      stopWaking();
      removeEventListener('online', nudge);
      document.removeEventListener('visibilitychange', lookAgain);
      for (const transport of this.transports) transport.stop();
      setListening(false);
    });
    this.start(scope.userId);
  }

  /** Reads everything, and continues from there. */
  private start(userId: string): void {
    this.starting ??= this.readAndListen(userId).finally(() => {
      this.starting = null;
    });
  }

  private async readAndListen(userId: string): Promise<void> {
    const read = await this.readUntilAnswered();
    if (!read || !this.scope.isActive) return;
    const { epoch } = read.viewer;
    const isRestored = this.epoch !== '' && epoch !== this.epoch;
    this.epoch = epoch;
    if (isRestored) this.notifications.forget();
    const startOver = () => this.start(userId);
    this.wallet.begin(read.viewer, startOver);
    this.notifications.begin(read.viewer, startOver);
    if (isRestored) {
      this.wasRestored.value = true;
      // They resume in the new epoch.
      for (const transport of this.transports) transport.nudge();
    }
    if (this.transports.length > 0) return;
    this.transports.push(startGraphqlTransport(socketUrl(), this.partsFor('graphql', userId)));
    const { pusher } = read;
    if (!pusher?.channel) return;
    this.channels = startPusherTransport(
      { ...pusher, channel: pusher.channel },
      { ...this.partsFor('pusher', userId), channel: () => this.ask() },
    );
    this.transports.push(this.channels);
  }

  /** While the socket is disconnected, the session may have been replaced, and with it the channel, or the epoch has ended. */
  private async look(): Promise<void> {
    const channel = await this.ask().catch(() => null);
    if (channel && this.scope.isActive) this.channels?.follow(channel);
  }

  private nudge(): void {
    for (const transport of this.transports) transport.nudge();
    this.catchUp();
  }

  private catchUp(): void {
    this.wallet.catchUp();
    this.notifications.catchUp();
  }

  private partsFor(name: string, userId: string): TransportParts {
    return {
      accessToken: () => keeper.accessToken(userId),
      refused: async (token) => void (await keeper.accessTokenAfter(token, userId)),
      last: () => ({ sequence: this.wallet.last, number: this.notifications.last, epoch: this.epoch }),
      onEpochEnded: () => void this.look(),
      isCurrent: (epoch) => {
        const isCurrent = epoch === this.epoch;
        if (!isCurrent) void this.look();
        return isCurrent;
      },
      onTransaction: (transaction) => this.wallet.offer(transaction),
      onNotification: (notification) => this.notifications.offer(notification),
      onUp: (isUp) => {
        if (!this.scope.isActive) return;
        setTransport(name, isUp);
        // Channels does not replay earlier events: they are read. The subscriptions replay by themselves.
        if (isUp && name === 'pusher' && !isTransportUp('graphql')) this.catchUp();
      },
    };
  }

  /** A plain request tells the newest numbers, whether the session is active, and its channel. */
  private async ask(): Promise<string | null> {
    const { data, error } = await client.value
      .query(WalletSequence, {}, { requestPolicy: 'network-only' })
      .toPromise();
    if (error) throw error;
    const viewer = data?.viewer;
    if (viewer && viewer.epoch !== this.epoch) {
      // The service was restored to an earlier point in time: numbers belong to other events.
      this.start(viewer.id);
    } else if (viewer) {
      this.wallet.noteNewest(viewer.sequence);
      this.notifications.note(viewer.notifications.nodes[0]?.number ?? 0, viewer.unreadNotifications);
    }
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
}

const liveUpdates = perUser((scope) => new LiveUpdates(scope));

/** Opens the wallet of each user who signs in. Call it once in main.ts. */
export function startRealtime(): void {
  startForEachUser(() => liveUpdates().open());
}

/** Why the wallet could not be loaded; null otherwise. */
export const walletFailure = computed(() => liveUpdates().failure.value);

/** Whether the service was restored to an earlier point in time since this page was loaded: what it shows may no longer exist. */
export const wasRestored = computed(() => liveUpdates().wasRestored.value);

function socketUrl(): string {
  const url = new URL('/graphql', location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}
