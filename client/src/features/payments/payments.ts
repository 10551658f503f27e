/** The payments of the signed-in user: in progress in this page, or left open by an earlier one. */

import { computed, shallowReactive, shallowRef, watch } from 'vue';
import { delay, exclusively, session } from '@/api/session';
import { browserStorage, onStored } from '@/lib/storage';
import { perUser, SessionEnded, startForEachUser, type UserScope } from '@/lib/user-scope';
import { questions, type Conversation } from '@/features/security/questions';
import type { Confirmation, ToConfirm } from './confirming';
import { noteTransaction, type Transaction } from '@/realtime';
import { deliver, findOut, giveUp, type DeliveryParts, type Ending } from './delivery';
import { isOpen, readyPayment, type Intent, type Payment } from './payment';
import { forgetOthers, isOfPayments, PaymentStore, type Draft } from './payment-store';
import * as requests from './requests';

export type Status =
  /**
   * 'confirming': the user is asked for a second factor. 'undecided': not recorded so far, but a request may still arrive; the user decides. 'closing': the user has given
   * it up, and the service has not answered yet.
   */
  | { phase: 'sending' | 'confirming' | 'repeating' | 'checking' | 'undecided' | 'closing' }
  | Exclude<
      { [Type in Ending['type']]: { phase: Type } & Omit<Extract<Ending, { type: Type }>, 'type'> }[Ending['type']],
      { phase: 'unknown' | 'to-confirm' | 'misconfirmed' }
    >;

const SIGNED_OUT = 'You’re signed out. Sign in and try again.';
const ASK_AGAIN_MILLISECONDS = 10_000;
const SIGN_OUT_MILLISECONDS = 5_000;
const IN_PROGRESS = new Set<string | undefined>(['sending', 'confirming', 'repeating', 'checking', 'closing']);

/** Whether the user has to wait for what becomes of it. */
export const isInProgress = (status: Status | undefined): boolean => IN_PROGRESS.has(status?.phase);

/** The payments of one user; they act for that user alone, and no more once the session has ended. */
export class Payments {
  /** By key: what this page knows about a payment beyond its record. */
  readonly statuses = shallowReactive(new Map<string, Status>());
  /** The records whose outcome is unknown. */
  readonly open = shallowRef<Payment[]>([]);
  /** The payments that an earlier page left open, until the user has seen their outcomes. */
  readonly leftOpen = shallowReactive(new Map<string, Payment>());
  readonly store: PaymentStore;
  /** Keys of records that this browser does not store: they are lost with the page. */
  private readonly unkept = shallowReactive(new Set<string>());

  constructor(private readonly scope: UserScope) {
    this.store = new PaymentStore(browserStorage, scope.userId ?? '', Date.now);
  }

  /** Whether leaving the page would lose the record of an open payment. */
  readonly isUnsafeToLeave = computed(() => this.open.value.some(({ key }) => this.unkept.has(key)));

  /**
   * A payment ready to be sent, with its record. If the same is on its way, that one: its user may not know. One that
   * another tab has only prepared is the same too, unless the user typed it once more.
   */
  prepare(intent: Intent, { isTypedAgain = false } = {}): Payment {
    const same = this.store.pending(intent, isTypedAgain ? ['open'] : ['ready', 'open']);
    if (same) return same;
    const payment = readyPayment(this.store.userId, intent);
    this.put(payment);
    return payment;
  }

  /** Stores the form as it is, unless the session has ended. */
  saveDraft(draft: Omit<Draft, 'changedAt'>): void {
    if (this.scope.isActive) this.store.saveDraft(draft);
  }

  /** Sends it, once; a second call while it is in progress changes nothing. */
  async pay(payment: Payment): Promise<void> {
    const { key } = payment;
    if (isInProgress(this.statuses.get(key))) return;
    if (!this.mayActOn(payment)) {
      this.statuses.set(key, { phase: 'declined', message: SIGNED_OUT });
      return;
    }
    const ending = await this.deliver(payment);
    if (!ending) return;
    this.refresh();
    if (ending === 'cancelled') {
      this.statuses.delete(key);
      // Unless it is as it was before it was sent, an earlier request may still arrive.
      const record = this.store.get(key);
      if (record && isOpen(record)) await this.check(record);
    } else if (ending.type === 'unknown') await this.check(this.store.get(key) ?? payment);
    else this.conclude(key, ending);
  }

  /** With the second factor, if the service asks for it; 'cancelled' if the user does not give it. */
  private async deliver(payment: Payment) {
    const { key, intent } = payment;
    const conversation = questions().converse();
    const attempt = (confirmation?: Confirmation) => {
      this.statuses.set(key, { phase: 'sending' });
      return this.alone(key, () => deliver(payment, this.partsFor(key, conversation), confirmation));
    };
    const words = { recipient: intent.recipient ?? { name: '' }, amount: intent.amount };
    const onAsk = () => this.statuses.set(key, { phase: 'confirming' });
    try {
      const first = await attempt();
      if (!first || (first.type !== 'to-confirm' && first.type !== 'misconfirmed')) return first;
      // Few payments need it. Where it cannot be loaded, they are as if the user had cancelled.
      const confirming = await import('./confirming').catch(() => null);
      return confirming ? await confirming.withConfirmation<Ending>(words, conversation, first, attempt, onAsk) : 'cancelled';
    } finally {
      conversation.end();
    }
  }

  /** Looks up its outcome; sends nothing. */
  async check(payment: Payment): Promise<void> {
    const { key } = payment;
    const phase = this.statuses.get(key)?.phase;
    if (phase === 'checking' || phase === 'closing' || !this.mayActOn(payment)) return;
    if (this.store.get(key)?.state === 'closing') return this.giveUp(key);
    this.statuses.set(key, { phase: 'checking' });
    const ending = await this.alone(key, () => findOut(payment, this.partsFor(key)));
    if (ending) this.conclude(key, ending);
    else if (this.statuses.get(key)?.phase === 'checking') {
      this.statuses.set(key, { phase: 'undecided' });
      this.look();
    }
  }

  /** The user no longer wants it: closes its key. Resolves once the outcome is known, or the session has ended. */
  async giveUp(key: string): Promise<void> {
    const payment = this.store.get(key);
    if (!payment || this.statuses.get(key)?.phase === 'closing' || !this.mayActOn(payment)) return;
    this.statuses.set(key, { phase: 'closing' });
    // Beside a delivery that still waits for its answer: the service decides which of the two came first.
    const ending = await this.untilEnded(() => giveUp(payment, this.partsFor(key)));
    if (ending) this.conclude(key, ending);
  }

  /** Gives up all open payments before the user signs out. What the service did not answer is asked at the next sign-in. */
  async giveUpAll(): Promise<void> {
    const closing = this.store.list().filter(isOpen).map(({ key }) => this.giveUp(key));
    await Promise.race([Promise.all(closing), delay(SIGN_OUT_MILLISECONDS)]);
  }

  /** Forgets a payment that was never sent or whose outcome the user has seen. One that is open is given up instead. */
  dismiss(key: string): void {
    if (!this.scope.isActive) return;
    const record = this.store.get(key);
    if (record && isOpen(record)) {
      void this.giveUp(key);
      return;
    }
    // Other tabs learn the outcome from the record.
    if (record?.state === 'ready') this.store.remove(key);
    this.unkept.delete(key);
    this.statuses.delete(key);
    this.leftOpen.delete(key);
    this.refresh();
  }

  /** Looks up what an earlier page left open, and follows what other tabs do. */
  follow(): void {
    this.scope.onEnd(onStored((key) => isOfPayments(key) && this.look()));
    // While the user decides, a request may still arrive.
    const asking = setInterval(() => void this.askAgain(), ASK_AGAIN_MILLISECONDS);
    this.scope.onEnd(() => clearInterval(asking));
    watch(this.isUnsafeToLeave, (isUnsafe) => {
      if (isUnsafe) addEventListener('beforeunload', warn);
      else removeEventListener('beforeunload', warn);
    }, { flush: 'sync' });
    this.scope.onEnd(() => removeEventListener('beforeunload', warn));
    // Their outcomes may be known before any page is there to tell them.
    for (const payment of this.store.list().filter(isOpen)) this.leftOpen.set(payment.key, payment);
    this.look();
  }

  private look(): void {
    this.refresh();
    for (const payment of this.open.value) {
      const phase = this.statuses.get(payment.key)?.phase;
      if (phase === undefined || (phase === 'undecided' && payment.state === 'closing')) void this.check(payment);
    }
    for (const [key, { phase }] of this.statuses) {
      if (phase !== 'undecided') continue;
      const record = this.store.get(key);
      if (record?.state === 'closed') this.conclude(key, { type: 'not-sent' });
      else if (record?.transaction) this.conclude(key, { type: 'sent', transaction: record.transaction });
    }
  }

  private mayActOn(payment: Payment): boolean {
    return this.scope.isActive && this.scope.userId !== null && payment.userId === this.scope.userId;
  }

  /** Work on one payment, in one tab at a time; null if the session ends before it is done. */
  private alone<Result>(key: string, work: () => Promise<Result>): Promise<Result | null> {
    return this.untilEnded(() => exclusively(`payment.${key}`, () => this.scope.orEnded(work)));
  }

  private async untilEnded<Result>(work: () => Promise<Result>): Promise<Result | null> {
    try {
      return await this.scope.orEnded(work);
    } catch (error) {
      if (error instanceof SessionEnded) return null;
      throw error;
    }
  }

  private partsFor(key: string, conversation?: Conversation): DeliveryParts {
    return {
      store: { get: (of) => this.store.get(of), put: (payment) => this.put(payment), remove: (of) => this.store.remove(of) },
      send: (payment, confirmation) => this.scope.whileActive(requests.send(payment, confirmation)),
      ask: (payment) => this.scope.whileActive(requests.ask(payment)),
      close: (payment) => this.scope.whileActive(requests.close(payment)),
      now: Date.now,
      delay: (milliseconds) => this.scope.whileActive(delay(milliseconds)),
      onPhase: (phase) => {
        // The page tells that it takes longer, and what the user can do.
        conversation?.hide();
        this.statuses.set(key, { phase });
      },
    };
  }

  private put(payment: Payment): void {
    if (this.store.put(payment)) this.unkept.delete(payment.key);
    else this.unkept.add(payment.key);
    this.refresh();
  }

  private conclude(key: string, { type, ...rest }: Exclude<Ending, ToConfirm>): void {
    this.statuses.set(key, { phase: type, ...rest } as Status);
    if ('transaction' in rest) noteTransaction(rest.transaction as Transaction);
    this.refresh();
  }

  private refresh(): void {
    this.open.value = this.store.list().filter(isOpen);
  }

  private async askAgain(): Promise<void> {
    const isUndecided = (key: string) => this.statuses.get(key)?.phase === 'undecided';
    for (const payment of this.open.value) {
      if (!isUndecided(payment.key)) continue;
      const finding = await this.scope.whileActive(requests.ask(payment));
      if (finding.type !== 'sent' || !isUndecided(payment.key)) continue;
      this.put({ ...payment, state: 'sent', transaction: finding.transaction });
      this.conclude(payment.key, finding);
    }
  }
}

const warn = (event: BeforeUnloadEvent) => event.preventDefault();

export const payments = perUser((scope) => new Payments(scope));

/** Follows the payments of the signed-in user, and removes what others left in this browser. Call it once in main.ts. */
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
