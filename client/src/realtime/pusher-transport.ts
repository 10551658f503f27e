/** Receives events over the session's channel on a Pusher Channels server. */

import type Pusher from 'pusher-js';
import type { Notification, PusherSettings, Transaction } from './documents';
import { Pause, type Transport, type TransportParts } from './transport';

const TRANSACTION_EVENT = 'transaction.posted';
const NOTIFICATION_EVENT = 'notification.created';
/** After some codes pusher-js reconnects immediately: more often than this, it is paused. */
const MOST_TRIES = 5;
const TRIES_MILLISECONDS = 5_000;

export interface PusherTransport extends Transport {
  /** Changes the channel: each session has its own. */
  follow(channel: string): void;
}

interface PusherParts extends TransportParts {
  /** The current channel of the session. Throws if it could not be read. */
  channel(): Promise<string | null>;
}

export function startPusherTransport(
  settings: PusherSettings & { channel: string },
  parts: PusherParts,
): PusherTransport {
  const pause = new Pause();
  // The service runs on the host of this page, whatever host name it is configured with.
  const endpoint = new URL(settings.authEndpoint, location.href).pathname;
  let stopped = false;
  let followed = settings.channel;
  let pusher: Pusher | undefined;
  let tries: number[] = [];

  async function load(): Promise<void> {
    while (!stopped) {
      try {
        const { default: Constructor } = await import('pusher-js');
        if (!isStopped()) connect(Constructor);
        return;
      } catch {
        await pause.wait();
      }
    }
  }

  function connect(Constructor: typeof Pusher): void {
    const port = settings.port ?? undefined;
    pusher = new Constructor(settings.key, {
      cluster: settings.cluster ?? '',
      ...(settings.host ? { wsHost: settings.host, wsPort: port, wssPort: port } : {}),
      forceTLS: settings.useTls,
      enabledTransports: ['ws', 'wss'],
      enableStats: false,
      channelAuthorization: {
        transport: 'ajax',
        endpoint,
        customHandler: ({ socketId, channelName }, answer) => {
          authorise(socketId, channelName).then(
            (auth) => answer(null, auth),
            (error: unknown) => answer(error as Error, null),
          );
        },
      },
    });
    pusher.connection.bind('state_change', ({ current }: { current: string }) => {
      if (current === 'connecting') restrain();
      if (current !== 'connected') parts.onUp(false);
    });
    listen();
  }

  function listen(): void {
    if (!pusher) return;
    const channel = pusher.subscribe(followed);
    channel.unbind_all();
    channel.bind('pusher:subscription_succeeded', () => {
      pause.reset();
      parts.onUp(true);
    });
    channel.bind('pusher:subscription_error', () => {
      parts.onUp(false);
      void pause.wait().then(async () => {
        if (isStopped() || channel.name !== followed) return;
        // It may have belonged to an earlier session.
        const now = (await parts.channel().catch(() => null)) ?? followed;
        if (!isStopped() && channel.name === followed) subscribeTo(now);
      });
    });
    channel.bind(TRANSACTION_EVENT, ({ transaction, epoch }: { transaction: Transaction; epoch: string }) => {
      if (parts.isCurrent(epoch)) parts.onTransaction(transaction);
    });
    channel.bind(NOTIFICATION_EVENT, ({ epoch, ...notification }: Notification & { epoch: string }) => {
      if (parts.isCurrent(epoch)) parts.onNotification(notification);
    });
  }

  function subscribeTo(channel: string): void {
    pusher?.unsubscribe(followed);
    followed = channel;
    listen();
  }

  async function authorise(socketId: string, channelName: string): Promise<{ auth: string }> {
    const ask = (token: string | null) =>
      fetch(endpoint, {
        method: 'POST',
        headers: {
          'Content-Type': 'application/x-www-form-urlencoded',
          ...(token ? { Authorization: `Bearer ${token}` } : {}),
        },
        body: new URLSearchParams({ socket_id: socketId, channel_name: channelName }),
        signal: AbortSignal.timeout(10_000),
      });
    const token = await parts.accessToken();
    let response = await ask(token);
    if (response.status === 401 || response.status === 403) {
      await parts.refused(token);
      response = await ask(await parts.accessToken());
    }
    if (!response.ok) throw new Error(`The channel was refused: HTTP ${String(response.status)}`);
    return (await response.json()) as { auth: string };
  }

  function restrain(): void {
    const now = Date.now();
    tries = [...tries.filter((time) => now - time < TRIES_MILLISECONDS), now];
    if (tries.length <= MOST_TRIES) return;
    tries = [];
    pusher?.disconnect();
    setTimeout(() => {
      if (!stopped) pusher?.connect();
    }, TRIES_MILLISECONDS);
  }

  const isStopped = () => stopped;

  void load();
  return {
    stop: () => {
      stopped = true;
      pause.nudge();
      pusher?.disconnect();
    },
    nudge: () => {
      pause.nudge();
      if (pusher && pusher.connection.state !== 'connected') {
        pusher.disconnect();
        pusher.connect();
      }
    },
    follow: (channel) => {
      if (stopped || channel === followed) return;
      parts.onUp(false);
      subscribeTo(channel);
    },
  };
}
