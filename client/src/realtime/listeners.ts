/** Listeners for transactions and notifications. */

import type { Notification, Transaction } from './documents';

function createListeners<Event>() {
  const listeners = new Set<(event: Event) => void>();
  return {
    on: (listener: (event: Event) => void) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    tell: (event: Event) => {
      for (const listener of [...listeners]) listener(event);
    },
  };
}

/** Each calls back for every new one, once and in order; returns a function that unsubscribes. */
export const { on: onTransaction, tell: tellOf } = createListeners<Transaction>();
export const { on: onNotification, tell: tellOfNotification } = createListeners<Notification>();
