/** Fee, total and shortfall of an amount, and the recipient, while the user types; only the latest response counts. */

import { onScopeDispose, shallowRef, watch, type Ref } from 'vue';
import { client, sentenceFor } from '@/api';
import { compareMoney, formatMoney } from '@/lib/money';
import { onRecovered, wallet } from '@/realtime';
import { TransferPreview, type Preview } from './documents';

const PAUSE_MILLISECONDS = 200;

export type PreviewState =
  | { state: 'none' | 'asking' }
  | { state: 'known'; preview: Preview }
  /** The amount is not allowed. */
  | { state: 'invalid'; message: string }
  /** The recipient cannot be paid. */
  | { state: 'unpayable'; message: string }
  | { state: 'failed'; message: string };

/** `amount` is exact; empty if there is none. */
export function usePreview(amount: Readonly<Ref<string>>, recipient: Readonly<Ref<{ id: string } | null>>) {
  const current = shallowRef<PreviewState>({ state: 'none' });
  let asked = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let waiting: Promise<void> = Promise.resolve();
  let stopWaiting = (): void => undefined;

  async function ask(mine: number): Promise<void> {
    const to = recipient.value ? { userId: recipient.value.id } : null;
    const { data, error } = await client.value
      .query(TransferPreview, { amount: amount.value, recipient: to }, { requestPolicy: 'network-only' })
      .toPromise();
    if (mine !== asked) return;
    const result = data?.transferPreview;
    if (error || !result) {
      const message = error ? sentenceFor(error) : 'The fee could not be calculated. Try again.';
      current.value = { state: 'failed', message };
    } else if (result.__typename === 'TransferPreview') {
      current.value = { state: 'known', preview: result };
    } else if (result.__typename !== 'InvalidAmount') {
      current.value = { state: 'unpayable', message: result.message };
    } else {
      const { minimum, maximum, message } = result;
      const wanted = { amount: amount.value, currency: minimum.currency };
      if (compareMoney(wanted, minimum) < 0) invalid(`The least you can send is ${formatMoney(minimum)}.`);
      else if (compareMoney(wanted, maximum) > 0) invalid(`The most you can send at once is ${formatMoney(maximum)}.`);
      else invalid(message);
    }
  }

  function invalid(message: string): void {
    current.value = { state: 'invalid', message };
  }

  function start(pauseMilliseconds: number): void {
    const mine = ++asked;
    clearTimeout(timer);
    stopWaiting();
    if (!amount.value) {
      current.value = { state: 'none' };
      waiting = Promise.resolve();
      return;
    }
    waiting = new Promise((resolve) => {
      stopWaiting = resolve;
      timer = setTimeout(() => void ask(mine).then(resolve), pauseMilliseconds);
    });
  }

  watch(
    [amount, () => recipient.value?.id],
    () => {
      // The previous preview stays visible until there is a response.
      if (current.value.state !== 'known') current.value = { state: 'asking' };
      start(PAUSE_MILLISECONDS);
    },
    { immediate: true },
  );
  // The largest amount that can be sent changes with the balance.
  watch(
    () => wallet.value?.sequence,
    () => start(0),
  );
  onScopeDispose(
    onRecovered(() => {
      if (current.value.state === 'failed') start(0);
    }),
  );
  onScopeDispose(() => {
    asked += 1;
    clearTimeout(timer);
  });

  /** Waits for the response to the latest question, even if that is asked only while this waits. */
  async function answered(): Promise<void> {
    let last: number;
    do {
      last = asked;
      await waiting;
    } while (last !== asked);
  }

  /** Resolves with the preview of the current amount. */
  async function settled(): Promise<PreviewState> {
    const isCurrent =
      current.value.state === 'known' &&
      current.value.preview.amount.amount === amount.value &&
      current.value.preview.recipient?.user.id === recipient.value?.id;
    if (current.value.state === 'failed' || (!isCurrent && current.value.state === 'known')) start(0);
    await answered();
    return current.value;
  }

  return { preview: current, settled };
}
