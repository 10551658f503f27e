/** Messages about the session between the tabs of this browser. */

import { browserStorage, onStored } from '@/lib/storage';

const NAME = 'mini-wallet.session';

export type TabMessage =
  | { type: 'granted'; grant: Grant }
  | { type: 'ended'; viewerId: string; because: 'signed-out' | 'ended' }
  /** One of the above happened, sent over a channel that must not carry secrets: ask the API. */
  | { type: 'changed' };

/** An access token, its user, and its expiry by the service's clock. */
export interface Grant {
  viewerId: string;
  accessToken: string;
  obtainedAt: number;
  goodUntil: number;
}

export interface TabChannel {
  post(message: TabMessage): void;
  /** At most one listener: the session. */
  listen(listener: (message: TabMessage) => void): void;
}

/** Uses BroadcastChannel, otherwise storage events, which carry no token; if both are blocked, tabs are not connected. */
export function openTabChannel(): TabChannel {
  try {
    const channel = new BroadcastChannel(NAME);
    return {
      post: (message) => channel.postMessage(message),
      listen: (listener) => {
        channel.onmessage = (event: MessageEvent<TabMessage>) => listener(event.data);
      },
    };
  } catch {
    // Missing or blocked.
  }
  return {
    post: () => {
      browserStorage.setItem(NAME, `${String(Date.now())} ${String(Math.random())}`);
    },
    listen: (listener) => {
      onStored((key) => {
        if (key === NAME) listener({ type: 'changed' });
      });
    },
  };
}
