/** What a transport is given, and how it waits before it tries again. */

import type { Transaction } from './documents';

export interface TransportParts {
  /** Null when signed out; throws where it could not be renewed. */
  accessToken(): Promise<string | null>;
  /** That token was refused: renews it, or ends the session. */
  refused(accessToken: string | null): Promise<void>;
  /** The newest number that is known. */
  last(): number;
  onTransaction(transaction: Transaction): void;
  /** Called with true each time that it begins to listen, and with false when it no longer does. */
  onUp(isUp: boolean): void;
}

export interface Transport {
  stop(): void;
  /** The network may be back, or the machine awake: look at once. */
  nudge(): void;
}

const LONGEST_MILLISECONDS = 5_000;

/** Growing pauses with jitter, cut short by `nudge`. */
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
