/** The payments of who is signed in: under way in this page, or left open by an earlier one. */

import { computed, shallowReactive, shallowRef, watch } from 'vue';
import { delay, exclusively, session } from '@/api/session';
import { browserStorage, onStored } from '@/lib/storage';
import { perUser, SessionEnded, startForEachUser, type UserScope } from '@/lib/user-scope';
import { noteTransaction, type Transaction } from '@/realtime';
import { deliver, findOut, type DeliveryParts, type Ending } from './delivery';
import { readyPayment, type Intent, type Payment } from './payment';
import { forgetOthers, isOfPayments, PaymentStore, type Draft } from './payment-store';
import * as requests from './requests';

export type Status =
  | { phase: 'sending' | 'repeating' | 'checking' | 'not-sent' }
  | Exclude<{ [Type in Ending['type']]: { phase: Type } & Omit<Extract<Ending, { type: Type }>, 'type'> }[Ending['type']], { phase: 'unknown' }>;

const SIGNED_OUT = 'Sign in again: nothing was sent.';
const ASK_AGAIN_MILLISECONDS = 10_000;

/** The payments of one user; they act for that user alone, and no more once the session has ended. */
export class Payments {
  /** By key: what this page knows of a payment beyond its record. */
  readonly statuses = shallowReactive(new Map<string, Status>());
  /** The records that are not settled, for whoever shows them. */
  readonly open = shallowRef<Payment[]>([]);
  readonly store: PaymentStore;
  /** Keys of records that this browser does not keep: they are lost with the page. */
  private readonly unkept = shallowReactive(new Set<string>());
  private readonly stopped = new Set<string>();

  constructor(private readonly scope: UserScope) {
    this.store = new PaymentStore(browserStorage, scope.userId ?? '', Date.now);
  }

  /** Whether leaving the page would lose what is known of a payment that is under way. */
  readonly isUnsafeToLeave = computed(() => this.open.value.some(({ key }) => this.unkept.has(key)));

  /** A payment ready to be sent, with its record; the one that another tab has ready, if it is the same. */
  prepare(intent: Intent, keyToKeep: string | null = null): Payment {
    const kept = keyToKeep ? this.store.get(keyToKeep) : null;
    if (kept?.state === 'open') return { ...kept, intent };
    const same = this.store.pending(intent);
    if (same) return same;
    const payment = readyPayment(this.store.userId, intent);
    this.put(payment);
    return payment;
  }

  /** Keeps the form as it is; not for a user who has left. */
  saveDraft(draft: Omit<Draft, 'changedAt'>): void {
    if (this.scope.isActive) this.store.saveDraft(draft);
  }

  /** Sends it, once; a second call while it is under way changes nothing. */
  async pay(payment: Payment): Promise<void> {
    const { key } = payment;
    const phase = this.statuses.get(key)?.phase;
    if (phase === 'sending' || phase === 'repeating' || phase === 'checking') return;
    if (!this.mayActOn(payment)) {
      this.statuses.set(key, { phase: 'declined', message: SIGNED_OUT });
      return;
    }
    this.statuses.set(key, { phase: 'sending' });
    this.stopped.delete(key);
    const ending = await this.alone(key, () => deliver(payment, this.partsFor(key)));
    if (!ending) return;
    this.refresh();
    if (ending.type === 'unknown') {
      await this.check(this.store.get(key) ?? payment);
      return;
    }
    const { type, ...rest } = ending;
    this.conclude(key, { phase: type, ...rest } as Status);
  }

  /** Asks what became of it; sends nothing. */
  async check(payment: Payment): Promise<void> {
    const { key } = payment;
    if (this.statuses.get(key)?.phase === 'checking' || !this.mayActOn(payment)) return;
    this.statuses.set(key, { phase: 'checking' });
    const found = await this.alone(key, () => findOut(payment, this.partsFor(key)));
    if (!found) return;
    this.conclude(
      key,
      found.type === 'sent' ? { phase: 'sent', transaction: found.transaction } : { phase: 'not-sent' },
    );
  }

  /** No further try; what has left already is asked after. */
  stopRepeating(key: string): void {
    this.stopped.add(key);
  }

  /** The person wants it no more, or has seen what became of it. */
  dismiss(key: string): void {
    if (!this.scope.isActive) return;
    if (this.store.get(key)?.state !== 'sent') this.store.remove(key);
    this.unkept.delete(key);
    this.statuses.delete(key);
    this.refresh();
  }

  /** Asks after what an earlier page or another tab left open, and follows what other tabs do. */
  follow(): void {
    const look = () => {
      this.refresh();
      for (const payment of this.open.value) {
        if (!this.statuses.has(payment.key)) void this.check(payment);
      }
      for (const [key, { phase }] of this.statuses) {
        const record = this.store.get(key);
        if (record?.state !== 'sent' || !record.transaction) continue;
        if (phase === 'not-sent') this.conclude(key, { phase: 'sent', transaction: record.transaction });
      }
    };
    this.scope.onEnd(onStored((key) => isOfPayments(key) && look()));
    // What was "not sent" is asked after again as long as it is shown: a late request may yet arrive.
    const asking = setInterval(() => void this.askAgain(), ASK_AGAIN_MILLISECONDS);
    this.scope.onEnd(() => clearInterval(asking));
    watch(this.isUnsafeToLeave, (isUnsafe) => {
      if (isUnsafe) addEventListener('beforeunload', warn);
      else removeEventListener('beforeunload', warn);
    }, { flush: 'sync' });
    this.scope.onEnd(() => removeEventListener('beforeunload', warn));
    look();
  }

  private mayActOn(payment: Payment): boolean {
    return this.scope.isActive && this.scope.userId !== null && payment.userId === this.scope.userId;
  }

  /** Work on one payment, in one tab at a time; null where the session ends before it is done. */
  private async alone<Result>(key: string, work: () => Promise<Result>): Promise<Result | null> {
    try {
      return await exclusively(`payment.${key}`, () => this.scope.orEnded(work));
    } catch (error) {
      if (error instanceof SessionEnded) return null;
      throw error;
    }
  }

  private partsFor(key: string): DeliveryParts {
    return {
      store: { get: (of) => this.store.get(of), put: (payment) => this.put(payment), remove: (of) => this.store.remove(of) },
      send: (payment) => this.scope.whileActive(requests.send(payment)),
      ask: (payment) => this.scope.whileActive(requests.ask(payment)),
      now: Date.now,
      delay: (milliseconds) => this.scope.whileActive(delay(milliseconds)),
      onRepeat: () => this.statuses.set(key, { phase: 'repeating' }),
      isStopped: () => this.stopped.has(key),
    };
  }

  private put(payment: Payment): void {
    if (this.store.put(payment)) this.unkept.delete(payment.key);
    else this.unkept.add(payment.key);
    this.refresh();
  }

  private conclude(key: string, status: Status): void {
    this.statuses.set(key, status);
    if ('transaction' in status) noteTransaction(status.transaction as Transaction);
    this.refresh();
  }

  private refresh(): void {
    this.open.value = this.store.list().filter(({ state }) => state === 'open');
  }

  private async askAgain(): Promise<void> {
    for (const payment of this.open.value) {
      if (this.statuses.get(payment.key)?.phase !== 'not-sent') continue;
      const finding = await this.scope.whileActive(requests.ask(payment));
      if (finding.type !== 'sent' || this.statuses.get(payment.key)?.phase !== 'not-sent') continue;
      this.put({ ...payment, state: 'sent', transaction: finding.transaction });
      this.conclude(payment.key, { phase: 'sent', transaction: finding.transaction });
    }
  }
}

const warn = (event: BeforeUnloadEvent) => event.preventDefault();

export const payments = perUser((scope) => new Payments(scope));

/** Follows the payments of whoever signs in, and removes what others left in this browser. Call it once in main.ts. */
export function startPayments(): void {
  startForEachUser(() => payments().follow());
  watch(
    session,
    (now) => {
      if (now.status !== 'unknown') forgetOthers(browserStorage, now.status === 'signed-in' ? now.viewerId : null);
    },
    { immediate: true, flush: 'sync' },
  );
}
