/** Requesting money: the form, and the request that it becomes once. */

import { computed, ref, watch } from 'vue';
import { useRouter } from 'vue-router';
import { client } from '@/api';
import type { Refusal, User } from '@/features/payments/payment';
import { cleanText, NOTE_CHARACTERS, textFault } from '@/lib/text';
import { showToast } from '@/ui/toasts';
import { noteRequestsChanged } from './changes';
import { RequestMoney } from './documents';
import { endOfDayIn, USUAL_DAYS } from './expiry';
import { useOnce, type Creation } from './once';

interface Input {
  payer: { userId: string } | null;
  amount: string;
  note: string | null;
  expiresAt: string;
}

type Errors = Partial<Record<'payer' | 'amount' | 'note' | 'form', string>>;

const empty = () => ({ from: 'person' as 'person' | 'anyone', payer: null as User | null, amount: '', note: '', days: USUAL_DAYS });

async function send(input: Input & { idempotencyKey: string }) {
  const { data, error } = await client.value.mutation(RequestMoney, { input }).toPromise();
  const result = data?.requestMoney;
  return { done: result?.__typename === 'MoneyRequested' ? result.paymentRequest : null, result, error };
}

export function useRequestForm() {
  const router = useRouter();
  const { form, phase, create, resume } = useOnce('request', empty, send);
  const errors = ref<Errors>({});
  const amountFault = ref('');
  const isBusy = computed(() => phase.value === 'sending' || phase.value === 'repeating');
  for (const field of ['payer', 'amount', 'note'] as const) {
    watch(() => form[field], () => (errors.value = { ...errors.value, [field]: undefined }));
  }

  function check(): Errors {
    const found: Errors = {};
    if (form.from === 'person' && !form.payer) found.payer = 'Choose a person from the list.';
    if (amountFault.value) found.amount = amountFault.value;
    else if (!form.amount) found.amount = 'Enter an amount.';
    const noteFault = textFault(form.note, 'The note', NOTE_CHARACTERS);
    if (noteFault) found.note = noteFault;
    return found;
  }

  async function submit(): Promise<void> {
    if (isBusy.value) return;
    errors.value = check();
    if (Object.values(errors.value).some(Boolean)) return;
    const payer = form.from === 'person' && form.payer ? { userId: form.payer.id } : null;
    const { amount, note } = form;
    await conclude(await create({ payer, amount, note: cleanText(note) || null, expiresAt: endOfDayIn(Number(form.days)) }));
  }

  async function conclude(creation: Creation<{ id: string }> | null): Promise<void> {
    if (creation?.type === 'refused') errors.value = placed(creation.refusal);
    if (creation?.type !== 'done') return;
    noteRequestsChanged();
    if (creation.isSecond) {
      showToast({ title: 'An earlier version of this request was also created', detail: 'Cancel it if you don’t need it.', to: { name: 'requests' } });
    }
    const page = { name: 'payment-request', params: { id: creation.done.id } };
    if (creation.isAway) showToast({ title: 'Your request was created', to: page });
    else await router.replace(page);
  }

  return { form, phase, isBusy, errors, amountFault, submit, resume: async () => conclude(await resume()) };
}

function placed({ reason, message, fields }: Refusal): Errors {
  if (reason === 'RecipientNotFound' || reason === 'CannotPayYourself') return { payer: message };
  if (reason === 'InvalidAmount') return { amount: message };
  const found = fields.map(({ path, message: words }) => [path.find((part) => ['payer', 'amount', 'note'].includes(part)) ?? 'form', words]);
  return found.length > 0 ? (Object.fromEntries(found) as Errors) : { form: message };
}
