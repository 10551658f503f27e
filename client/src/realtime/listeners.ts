/** Who wants to hear of each transaction, once and in order. */

import type { Transaction } from './documents';

type Listener = (transaction: Transaction) => void;

const listeners = new Set<Listener>();

/** Calls back for each transaction from now on. Answers how to stop that. */
export function onTransaction(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function tellOf(transaction: Transaction): void {
  for (const listener of [...listeners]) listener(transaction);
}
