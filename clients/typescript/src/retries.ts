/** When to repeat a request, and when to give up. */

import { ConnectionFailed, type TemporaryError, Unavailable } from './errors.js';

/** Pauses that double from the first to the longest, with jitter, until the time is up. */
export interface Retries {
  readonly firstPauseSeconds: number;
  readonly longestPauseSeconds: number;
  readonly giveUpAfterSeconds: number;
}

export const RETRIES: Retries = { firstPauseSeconds: 0.3, longestPauseSeconds: 15, giveUpAfterSeconds: 60 };

/** After so long without a failure, the next pause is the first again. */
const QUIET_SECONDS = 60;

/** A timer that is set for longer fires at once. */
const LONGEST_TIMER_MILLISECONDS = 2 ** 31 - 1;

/** The attempts of one request so far. */
export class Attempts {
  /** Whether one of them may have had an effect although no answer said so. */
  areAmbiguous = false;
  /** Whether one of them may still arrive. */
  mayBeInTransit = false;
  private count = 0;
  private failedAt = performance.now();
  private readonly deadline: number;

  constructor(
    private readonly retries: Retries,
    giveUpAfterSeconds = retries.giveUpAfterSeconds,
  ) {
    this.deadline = performance.now() + giveUpAfterSeconds * 1000;
  }

  /** Note a failed attempt. Returns the pause before the next one in seconds, or null to give up. */
  note(error: TemporaryError): number | null {
    if (error instanceof ConnectionFailed && error.wasSent) this.mayBeInTransit = true;
    if (this.mayBeInTransit || error instanceof Unavailable) this.areAmbiguous = true;
    const pause = this.pause(error);
    return performance.now() + pause * 1000 > this.deadline ? null : pause;
  }

  /** The next pause, for what is repeated without end. */
  pause(error?: TemporaryError): number {
    const now = performance.now();
    if (now - this.failedAt > QUIET_SECONDS * 1000) this.startOver();
    this.failedAt = now;
    const doubled = this.retries.firstPauseSeconds * 2 ** Math.min(this.count, 30);
    this.count += 1;
    const pause = Math.min(this.retries.longestPauseSeconds, doubled) * (0.5 + Math.random() / 2);
    return Math.max(pause, error?.retryAfterSeconds ?? 0);
  }

  /** Something succeeded: the next pause is the first again. */
  startOver(): void {
    this.count = 0;
  }
}

/** Wait so long, or until the signal is aborted. */
export function sleep(seconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, Math.min(seconds * 1000, LONGEST_TIMER_MILLISECONDS));
    if (signal?.aborted) done();
    else signal?.addEventListener('abort', done);
  });
}
