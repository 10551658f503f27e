/** Listeners for transactions. */

import type { Transaction } from './documents';

type Listener = (transaction: Transaction) => void;

const listeners = new Set<Listener>();

/** Calls back for each new transaction, once and in order. Returns a function that unsubscribes. */
export function onTransaction(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function tellOf(transaction: Transaction): void {
  for (const listener of [...listeners]) listener(transaction);
}
