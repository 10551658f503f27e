/** Transactions in words. */

import type { Transaction } from '@/realtime';
import { KINDS } from './kinds';

/** The other user, or "Added money". */
export const titleOf = (transaction: Transaction): string => KINDS[transaction.kind].title(transaction);

/** "You sent $12.34 to User Beta". */
export const sentenceOf = (transaction: Transaction): string => KINDS[transaction.kind].sentence(transaction);

export const signOf = ({ direction }: Transaction): 'incoming' | 'outgoing' =>
  direction === 'INCOMING' ? 'incoming' : 'outgoing';
