/** What the tabs of this browser tell each other about the session. */

import { browserStorage, onStored } from '@/lib/storage';

const NAME = 'mini-wallet.session';

export type TabMessage =
  | { type: 'granted'; grant: Grant }
  | { type: 'ended'; viewerId: string; because: 'signed-out' | 'ended' }
  /** Something of the above happened, by a way that may not carry secrets: ask the API. */
  | { type: 'changed' };

/** An access token, whose it is, and until when by the service's clock. */
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

/** By BroadcastChannel, else by storage events, which carry no token; where both are blocked, by nothing. */
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
    // Missing, or closed to this page.
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
