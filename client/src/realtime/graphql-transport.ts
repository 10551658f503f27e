/** Receives events over the subscriptions `walletEvents` and `notifications` on one WebSocket. */

import { stringifyDocument } from '@urql/core';
import type { GraphQLFormattedError } from 'graphql';
import { createClient } from 'graphql-ws';
import type { ResultOf } from '@/api';
import { NotificationEvents, WalletEvents } from './documents';
import { Pause, type Transport, type TransportParts } from './transport';

const WALLET_EVENTS = stringifyDocument(WalletEvents);
const NOTIFICATIONS = stringifyDocument(NotificationEvents);
const PING_MILLISECONDS = 10_000;
const PONG_MILLISECONDS = 5_000;
const ENDED = 4401;
const OUT_OF_DATE = 4403;

/** How a socket ended: who closed it, and whether it was ever subscribed. */
interface Ending {
  code: number | undefined;
  token: string | null;
}

export function startGraphqlTransport(url: string, parts: TransportParts): Transport {
  const pause = new Pause();
  let stopped = false;
  let close: (() => void) | undefined;

  async function run(): Promise<void> {
    while (!stopped) {
      const ending = await listen();
      parts.onUp(false);
      if (stopped) return;
      if (ending.code === ENDED || ending.code === OUT_OF_DATE) {
        await parts.refused(ending.token).catch(() => undefined);
      }
      if (ending.code !== OUT_OF_DATE) await pause.wait();
      else await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  function listen(): Promise<Ending> {
    return new Promise((resolve) => {
      let token: string | null = null;
      let pongDue: ReturnType<typeof setTimeout> | undefined;
      const client = createClient({
        url,
        retryAttempts: 0,
        keepAlive: PING_MILLISECONDS,
        connectionAckWaitTimeout: PING_MILLISECONDS,
        connectionParams: async () => {
          token = await parts.accessToken();
          return token ? { Authorization: `Bearer ${token}` } : {};
        },
        on: {
          connected: () => {
            pause.reset();
            parts.onUp(true);
          },
          ping: (received) => {
            if (received) return;
            pongDue = setTimeout(() => client.terminate(), PONG_MILLISECONDS);
          },
          pong: (received) => {
            if (received) clearTimeout(pongDue);
          },
        },
      });
      let ended = false;
      const end = (reason: unknown) => {
        if (ended) return;
        ended = true;
        clearTimeout(pongDue);
        close = undefined;
        void client.dispose();
        const code = (reason as { code?: unknown } | undefined)?.code;
        resolve({ code: typeof code === 'number' ? code : undefined, token });
      };
      close = () => {
        client.terminate();
        end(undefined);
      };
      const { sequence, number, epoch } = parts.last();
      // If one of them ends, both begin again.
      const until = {
        error: (reason: unknown) => {
          if (!ended && hasEpochEnded(reason)) parts.onEpochEnded();
          end(reason);
        },
        complete: () => end(undefined),
      };
      client.subscribe<ResultOf<typeof WalletEvents>>(
        { query: WALLET_EVENTS, variables: { afterSequence: sequence, epoch } },
        {
          next: ({ data }) => {
            const event = data?.walletEvents;
            if (event?.__typename === 'TransactionPosted') parts.onTransaction(event.transaction);
          },
          ...until,
        },
      );
      client.subscribe<ResultOf<typeof NotificationEvents>>(
        { query: NOTIFICATIONS, variables: { afterNumber: number, epoch } },
        {
          next: ({ data }) => {
            if (data) parts.onNotification(data.notifications);
          },
          ...until,
        },
      );
    });
  }

  void run();
  return {
    stop: () => {
      stopped = true;
      close?.();
      pause.nudge();
    },
    nudge: () => {
      // A socket from before the interruption may be dead without having been closed.
      close?.();
      pause.nudge();
    },
  };
}

function hasEpochEnded(reason: unknown): boolean {
  return Array.isArray(reason) && (reason as GraphQLFormattedError[]).some(({ extensions }) => extensions?.reason === 'EPOCH_ENDED');
}
