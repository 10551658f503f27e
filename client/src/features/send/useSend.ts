/** Sending money step by step: the draft, the confirmation, and the payment that it becomes. */

import { computed, onScopeDispose, reactive, ref, watch } from 'vue';
import { readyPayment, type Intent, type User, type Refusal } from '@/features/payments/payment';
import { isInProgress, payments } from '@/features/payments/payments';
import type { Draft } from '@/features/payments/payment-store';
import { onStored } from '@/lib/storage';
import { cleanText } from '@/lib/text';
import type { Preview } from './documents';

export type Step = 'form' | 'confirm' | 'receipt';

export function useSend() {
  const mine = payments();
  const { store, statuses } = mine;
  const draft = store.draft();
  const form = reactive({
    recipient: draft?.recipient ?? null,
    amount: draft?.amount ?? '',
    note: draft?.note ?? '',
  } as { recipient: User | null; amount: string; note: string });
  const key = ref<string | null>(draft?.key ?? null);
  const preview = ref<Preview | null>(null);
  const refusal = ref<Refusal | null>(null);
  const isConfirming = ref(false);
  /** Whether this page only shows what another one left, so that both are about the same payment. */
  const isRestored = ref(draft !== null);

  const status = computed(() => (key.value ? statuses.get(key.value) : undefined));
  const isBusy = computed(() => isInProgress(status.value));
  const receipt = computed(() =>
    status.value && 'transaction' in status.value ? status.value.transaction : null,
  );
  const step = computed<Step>(() => {
    if (receipt.value) return 'receipt';
    const isUndecided = status.value?.phase === 'undecided' || status.value?.phase === 'not-sent';
    return isBusy.value || isUndecided || isConfirming.value ? 'confirm' : 'form';
  });
  /** What the user is asked to confirm, or confirmed before a reload. */
  const intent = computed<Intent | null>(() => {
    const { recipient, note } = form;
    const amount = preview.value?.amount;
    if (recipient && amount) return { kind: 'TRANSFER', recipient, amount, note: cleanText(note) };
    return key.value ? (store.get(key.value)?.intent ?? null) : null;
  });

  function save(): void {
    const { recipient, amount, note } = form;
    if (!recipient && !amount && !note && !key.value) store.clearDraft();
    else mine.saveDraft({ recipient, amount, note, step: isConfirming.value ? 'confirm' : 'form', key: key.value });
  }
  watch([form, key, isConfirming], save, { flush: 'sync' });
  watch(form, () => (isRestored.value = false), { flush: 'sync' });

  /** Goes on to the step that names the recipient and the total. */
  function confirm(known: Preview): void {
    if (!form.recipient) return;
    preview.value = known;
    refusal.value = null;
    const wanted: Intent = {
      kind: 'TRANSFER',
      recipient: { ...form.recipient },
      amount: known.amount,
      note: cleanText(form.note),
    };
    key.value = mine.prepare(wanted, { isTypedAgain: !isRestored.value }).key;
    isConfirming.value = true;
  }

  /** Back to the form; the next payment has a key of its own. */
  function edit(): void {
    isConfirming.value = false;
    if (!isBusy.value) forget();
  }

  function forget(): void {
    if (key.value) mine.dismiss(key.value);
    key.value = null;
  }

  function send(): void {
    if (!intent.value || !preview.value || !key.value || isBusy.value) return;
    const wanted = JSON.parse(JSON.stringify(intent.value)) as Intent;
    void mine.pay(readyPayment(store.userId, wanted, key.value));
  }

  function startAnew(): void {
    forget();
    isConfirming.value = false;
    preview.value = refusal.value = null;
    Object.assign(form, { recipient: null, amount: '', note: '' });
    store.clearDraft();
  }

  /** The draft may be of another tab by now. */
  function clearOwnDraft(): void {
    if (store.draft()?.key === key.value) store.clearDraft();
  }

  watch(
    status,
    (now) => {
      if (now?.phase === 'sent' || now?.phase === 'sent-otherwise') {
        clearOwnDraft();
      } else if (now?.phase === 'refused') {
        refusal.value = now.refusal;
        edit();
      }
    },
    { immediate: true },
  );

  // A payment that another tab has sent is not sent here; a tab that shows the same shows its receipt.
  const follow = () => {
    const record = key.value ? store.get(key.value) : null;
    if (record?.state === 'sent' && record.transaction && !isBusy.value) {
      statuses.set(record.key, { phase: 'sent', transaction: record.transaction });
    }
  };
  onScopeDispose(onStored(follow));
  onScopeDispose(() => {
    if (receipt.value && key.value) mine.dismiss(key.value);
  });

  restore(draft ?? null);

  function restore(kept: Draft | null): void {
    if (!kept?.key) return;
    const record = store.get(kept.key);
    // The outcome of one that an earlier page left open may be known before this page is there to show its receipt.
    if (record?.state === 'sent' && !mine.leftOpen.has(kept.key)) startAnew();
    else if (!record) key.value = null;
    // An open one is looked up by `Payments.follow`; one that is ready is confirmed again.
    else if (record.state === 'ready') key.value = kept.key;
  }

  return { form, step, status, isBusy, receipt, intent, preview, refusal, confirm, edit, send, startAnew, paymentKey: key };
}
