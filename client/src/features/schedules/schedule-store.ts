/** What is being scheduled, kept in the browser so that Back, a reload or a lost answer never schedule it twice. */

import type { User } from '@/features/payments/payment';
import { draftKey } from '@/features/payments/payment-store';
import type { Money } from '@/lib/money';
import type { BrowserStorage } from '@/lib/storage';
import type { Choice } from './choice';
import type { Rhythm } from './recurrence';

/** What the user wants; the same is scheduled once per key. */
export interface Wanted extends Rhythm {
  recipient: User;
  amount: Money;
  /** Empty where there is none. */
  note: string;
}

export interface Pending {
  /** The idempotency key. */
  key: string;
  wanted: Wanted;
  /** Whether a request was made whose outcome is unknown. */
  isOpen: boolean;
}

interface Kept {
  choice: Choice;
  pending: Pending | null;
  changedAt: number;
}

const KEPT_MILLISECONDS = 12 * 60 * 60_000;

export class ScheduleStore {
  private readonly key: string;

  constructor(
    private readonly storage: Pick<BrowserStorage, 'getItem' | 'setItem' | 'removeItem'>,
    userId: string,
    private readonly now: () => number,
  ) {
    this.key = draftKey(userId, 'schedule');
  }

  read(): Omit<Kept, 'changedAt'> | null {
    try {
      const kept = JSON.parse(this.storage.getItem(this.key) ?? 'null') as Kept | null;
      return kept?.choice && this.now() - kept.changedAt < KEPT_MILLISECONDS ? kept : null;
    } catch {
      return null;
    }
  }

  write(kept: Omit<Kept, 'changedAt'>): void {
    if (kept.choice.when === 'now' && !kept.pending) this.storage.removeItem(this.key);
    else this.storage.setItem(this.key, JSON.stringify({ ...kept, changedAt: this.now() }));
  }
}

/** Whether the service would take both for the same request. */
export function isSameWanted(first: Wanted, second: Wanted): boolean {
  const parts = ({ recipient, amount, note, startsOn, recurrence, endsOn }: Wanted) =>
    JSON.stringify([recipient.id, amount.amount, amount.currency, note.trim(), startsOn, recurrence?.unit, recurrence?.interval, endsOn]);
  return parts(first) === parts(second);
}
