/** What transports have in common: their dependencies and their backoff. */

import type { Notification, Transaction } from './documents';

export interface TransportParts {
  /** Null when signed out. Throws if it could not be renewed. */
  accessToken(): Promise<string | null>;
  /** That token was rejected: renews it, or ends the session. */
  refused(accessToken: string | null): Promise<void>;
  /** The newest known transaction and notification, and their epoch: the subscriptions resume after them. */
  last(): { sequence: number; number: number; epoch: string };
  /** Whether numbers of that epoch may be compared with the known ones. If not, everything is read again where necessary. */
  isCurrent(epoch: string): boolean;
  /** The subscriptions are refused because the epoch has ended. */
  onEpochEnded(): void;
  onTransaction(transaction: Transaction): void;
  onNotification(notification: Notification): void;
  /** Called with true whenever it is connected, and with false when it no longer is. */
  onUp(isUp: boolean): void;
}

export interface Transport {
  stop(): void;
  /** The network or the device may be back: check immediately. */
  nudge(): void;
}

const LONGEST_MILLISECONDS = 5_000;

/** Exponential backoff with jitter; `nudge` cuts it short. */
export class Pause {
  private failures = 0;
  private wake: (() => void) | undefined;

  reset(): void {
    this.failures = 0;
  }

  nudge(): void {
    this.failures = 0;
    this.wake?.();
  }

  async wait(): Promise<void> {
    const longest = Math.min(500 * 2 ** this.failures, LONGEST_MILLISECONDS);
    this.failures += 1;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, longest * (0.5 + Math.random() / 2));
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.wake = undefined;
  }
}
