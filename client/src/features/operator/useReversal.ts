/** Reversing a transaction: the form, and the reversal or proposal that it becomes once. */

import { computed, ref, watch } from 'vue';
import { uncached } from '@/api';
import type { Refusal } from '@/features/payments/payment';
import { useOnce, type Creation } from '@/features/requests/once';
import { formatMoney, minorUnits, type Money } from '@/lib/money';
import { showToast } from '@/ui/toasts';
import { confirmed } from './ask';
import { ReverseTransaction } from './action-documents';
import type { Action } from './documents';
import { reasonFault } from './words';

interface Input {
  reference: string;
  amount: string;
  includesFee: boolean;
  reason: string;
}

type Errors = Partial<Record<'amount' | 'reason' | 'form', string>>;

async function send(input: Input & { idempotencyKey: string }) {
  const { data, error } = await confirmed(() => uncached().mutation(ReverseTransaction, { input }).toPromise());
  const result = data?.result;
  return { done: result?.__typename === 'OperatorActionDone' ? result.action : null, result, error };
}

export function useReversal(reference: string, remaining: () => Money, done: () => void) {
  const empty = () => ({ amount: remaining().amount, includesFee: true, reason: '' });
  const { form, phase, create, resume } = useOnce(`reversal.${reference}`, empty, send);
  const errors = ref<Errors>({});
  const amountFault = ref('');
  const isBusy = computed(() => phase.value === 'sending' || phase.value === 'repeating');
  const amount = computed<Money>(() => ({ amount: form.amount || '0', currency: remaining().currency }));
  for (const field of ['amount', 'reason'] as const) {
    watch(() => form[field], () => (errors.value = { ...errors.value, [field]: undefined }));
  }

  /** Whether it can be sent. */
  function check(): boolean {
    const found: Errors = {};
    if (amountFault.value) found.amount = amountFault.value;
    else if (!form.amount || minorUnits(amount.value) === 0n) found.amount = 'Enter an amount.';
    else if (minorUnits(amount.value) > minorUnits(remaining())) found.amount = `At most ${formatMoney(remaining())} can be reversed.`;
    const fault = reasonFault(form.reason);
    if (fault) found.reason = fault;
    errors.value = found;
    return Object.keys(found).length === 0;
  }

  async function submit(): Promise<void> {
    if (isBusy.value || !check()) return;
    await conclude(await create({ reference, amount: form.amount, includesFee: form.includesFee, reason: form.reason }));
  }

  async function conclude(creation: Creation<Action> | null): Promise<void> {
    if (creation?.type === 'refused') errors.value = placed(creation.refusal);
    if (creation?.type !== 'done') return;
    const money = creation.done.amount ? formatMoney(creation.done.amount) : '';
    if (creation.done.status === 'DONE') showToast({ title: `Reversed ${money}` });
    else showToast({ title: `Proposed to reverse ${money}`, detail: 'It awaits the approval of a second operator.', to: { name: 'operator-actions' } });
    if (creation.isSecond) showToast({ title: 'An earlier version of this reversal was carried out too', detail: 'See the actions below.', tone: 'danger' });
    done();
  }

  return { form, phase, isBusy, errors, amount, amountFault, check, submit, resume: async () => conclude(await resume()) };
}

function placed({ reason, message, fields }: Refusal): Errors {
  if (['InvalidAmount', 'NotReversible', 'InsufficientFunds'].includes(reason)) return { amount: message };
  const found = fields.map(({ path, message: words }) => [path.find((part) => part === 'amount' || part === 'reason') ?? 'form', words]);
  return found.length > 0 ? (Object.fromEntries(found) as Errors) : { form: message };
}
