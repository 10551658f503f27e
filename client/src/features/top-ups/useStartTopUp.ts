/** The amount to add, and the payment page that it leads to once. */

import { computed, ref, watch } from 'vue';
import { client } from '@/api';
import { useOnce, type Creation } from '@/features/requests/once';
import { compareMoney, formatMoney, type Money } from '@/lib/money';
import { StartTopUp, type TopUp } from './documents';

interface Limits {
  currency: string;
  minimumAmount: Money;
  maximumTopUp: Money;
}

async function send(input: { amount: string; idempotencyKey: string }) {
  const { data, error } = await client.value.mutation(StartTopUp, { input }).toPromise();
  const result = data?.startTopUp;
  return { done: result?.__typename === 'TopUpStarted' ? result.topUp : null, result, error };
}

/** `follow` is called with the top-up to pay. */
export function useStartTopUp(limits: () => Limits | undefined, follow: (topUp: TopUp) => void) {
  const { form, phase, create, resume } = useOnce<{ amount: string }, { amount: string }, TopUp>('top-up', () => ({ amount: '' }), send);
  const error = ref('');
  /** About no field, such as a restriction of the account. */
  const message = ref('');
  const amountFault = ref('');
  const isBusy = computed(() => phase.value === 'sending' || phase.value === 'repeating');
  watch([() => form.amount, amountFault], () => (error.value = ''));

  function check(): string {
    const settings = limits();
    if (amountFault.value) return amountFault.value;
    if (!form.amount || !settings) return 'Enter an amount.';
    const { currency, minimumAmount, maximumTopUp } = settings;
    const money = { amount: form.amount, currency };
    if (compareMoney(money, minimumAmount) < 0) return `The least you can add is ${formatMoney(minimumAmount)}.`;
    if (compareMoney(money, maximumTopUp) > 0) return `The most you can add at once is ${formatMoney(maximumTopUp)}.`;
    return '';
  }

  async function submit(): Promise<void> {
    if (isBusy.value) return;
    error.value = check();
    message.value = '';
    if (!error.value) conclude(await create({ amount: form.amount }));
  }

  function conclude(creation: Creation<TopUp> | null): void {
    // Who has left this page finds it in the list.
    if (creation?.type === 'done' && !creation.isAway) follow(creation.done);
    if (creation?.type !== 'refused') return;
    const { reason, message: words, fields } = creation.refusal;
    if (reason === 'NotAvailable') message.value = 'Money can’t be added to this wallet at the moment.';
    else if (reason === 'InvalidAmount' || reason === 'BalanceLimitExceeded') error.value = words;
    else if (fields[0]) error.value = fields[0].message;
    else message.value = words;
  }

  return { form, phase, isBusy, error, message, amountFault, submit, resume: async () => conclude(await resume()) };
}
