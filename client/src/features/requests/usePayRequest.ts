/** Paying a request: a payment with nothing left to type. */

import { computed, onScopeDispose, ref, watch } from 'vue';
import { type Intent, readyPayment, type Refusal } from '@/features/payments/payment';
import { isInProgress, payments } from '@/features/payments/payments';
import { usePreview } from '@/features/send/usePreview';
import { onStored } from '@/lib/storage';
import { noteRequestsChanged } from './changes';
import type { PaymentRequest } from './documents';
import { statusOf } from './words';

export function usePayRequest(request: () => PaymentRequest) {
  const mine = payments();
  const { store, statuses } = mine;
  const key = ref<string | null>(null);
  const refusal = ref<Refusal | null>(null);

  const intent = computed<Intent>(() => {
    const { id, requester, amount, note } = request();
    return { kind: 'TRANSFER', recipient: { ...requester }, amount: { ...amount }, note: note ?? '', requestId: id };
  });
  const { preview } = usePreview(
    computed(() => intent.value.amount.amount),
    computed(() => intent.value.recipient),
  );
  const status = computed(() => (key.value ? statuses.get(key.value) : undefined));
  const isBusy = computed(() => isInProgress(status.value));
  const receipt = computed(() => (status.value && 'transaction' in status.value ? status.value.transaction : null));

  /** The payment that this browser has prepared, or may have sent before a reload; a new one otherwise. */
  function prepare(): void {
    key.value = statusOf(request()) === 'PENDING' ? mine.prepare(intent.value).key : null;
  }
  prepare();

  function pay(): void {
    if (!key.value || isBusy.value || preview.value.state !== 'known') return;
    refusal.value = null;
    void mine.pay(readyPayment(store.userId, JSON.parse(JSON.stringify(intent.value)) as Intent, key.value));
  }

  /** After it was given up: the next attempt has a key of its own. */
  function startAnew(): void {
    if (key.value) mine.dismiss(key.value);
    prepare();
  }

  watch(
    status,
    (now) => {
      if (now?.phase === 'refused') {
        refusal.value = now.refusal;
        startAnew();
        // It may have been paid, declined, cancelled or expired meanwhile.
        noteRequestsChanged();
      } else if (now?.phase === 'sent') {
        noteRequestsChanged();
      }
    },
    { immediate: true },
  );

  // Another tab has paid it: this one shows the same receipt.
  const follow = () => {
    const record = key.value ? store.get(key.value) : null;
    if (record?.state === 'sent' && record.transaction && !isBusy.value) {
      statuses.set(record.key, { phase: 'sent', transaction: record.transaction });
    }
  };
  onScopeDispose(onStored(follow));
  onScopeDispose(() => {
    const record = key.value ? store.get(key.value) : null;
    if (key.value && (record?.state === 'ready' || receipt.value)) mine.dismiss(key.value);
  });

  return { intent, preview, paymentKey: key, status, isBusy, receipt, refusal, pay, startAnew };
}
