/** Splitting a bill: the form, the shares it shows, and the requests it becomes once. */

import { computed, ref, watch, type Ref } from 'vue';
import { useRouter } from 'vue-router';
import { client } from '@/api';
import type { Refusal, User } from '@/features/payments/payment';
import { formatMoney, fromMinorUnits, type Money } from '@/lib/money';
import { cleanText, NOTE_CHARACTERS, textFault } from '@/lib/text';
import { showToast } from '@/ui/toasts';
import { noteRequestsChanged } from './changes';
import { SplitBill } from './documents';
import { endOfDayIn, USUAL_DAYS } from './expiry';
import { useOnce, type Creation } from './once';
import { inEqualShares, restOf } from './shares';

interface Input {
  total: string;
  payers: { userId: string }[];
  includesViewer: boolean;
  amounts: string[] | null;
  note: string | null;
  expiresAt: string;
}

type Errors = Partial<Record<'people' | 'total' | 'shares' | 'note' | 'form', string>>;

const empty = () => ({
  people: [] as User[],
  total: '',
  how: 'equal' as 'equal' | 'amounts',
  /** By user id. */
  amounts: {} as Record<string, string>,
  includesViewer: true,
  note: '',
  days: USUAL_DAYS,
});

async function send(input: Input & { idempotencyKey: string }) {
  const { data, error } = await client.value.mutation(SplitBill, { input }).toPromise();
  const result = data?.splitBill;
  return { done: result?.__typename === 'BillWasSplit' ? result.split : null, result, error };
}

export function useSplitForm(currency: Readonly<Ref<string | undefined>>) {
  const router = useRouter();
  const { form, phase, create, resume } = useOnce('split', empty, send);
  const errors = ref<Errors>({});
  const totalFault = ref('');
  const isBusy = computed(() => phase.value === 'sending' || phase.value === 'repeating');
  watch(form, () => (errors.value = {}), { deep: true });

  const total = computed<Money | null>(() => (currency.value && form.total ? { amount: form.total, currency: currency.value } : null));
  const typed = computed(() => form.people.map(({ id }) => form.amounts[id] ?? ''));
  /** Of the total, with amounts: what is left for the user. */
  const rest = computed(() => (total.value ? restOf(total.value, typed.value.filter(Boolean)) : 0n));
  const shares = computed<{ own: Money | null; others: (Money | null)[] }>(() => {
    const sum = total.value;
    if (!sum) return { own: null, others: form.people.map(() => null) };
    if (form.how === 'equal') return inEqualShares(sum, form.people.length, form.includesViewer);
    const own = form.includesViewer && rest.value >= 0n ? fromMinorUnits(rest.value, sum.currency) : null;
    return { own, others: typed.value.map((amount) => (amount ? { amount, currency: sum.currency } : null)) };
  });
  /** What is wrong with individual amounts, while the user types. */
  const sharesFault = computed(() => {
    const sum = total.value;
    if (!sum || form.how === 'equal' || form.people.length === 0) return '';
    if (rest.value < 0n) return `These shares are ${formatMoney(fromMinorUnits(-rest.value, sum.currency))} more than the total. Lower a share, or change the total.`;
    const isWhole = typed.value.every(Boolean);
    if (isWhole && rest.value > 0n && !form.includesViewer) {
      return `${formatMoney(fromMinorUnits(rest.value, sum.currency))} of the total is not shared yet. Change a share, or pay the rest yourself.`;
    }
    return '';
  });

  function check(): Errors {
    const found: Errors = {};
    if (form.people.length === 0) found.people = 'Choose at least one person from the list.';
    if (totalFault.value) found.total = totalFault.value;
    else if (!form.total) found.total = 'Enter the total.';
    if (form.how === 'amounts' && !typed.value.every(Boolean)) found.shares = 'Enter a share for each person.';
    else if (sharesFault.value) found.shares = sharesFault.value;
    const noteFault = textFault(form.note, 'The note', NOTE_CHARACTERS);
    if (noteFault) found.note = noteFault;
    return found;
  }

  async function submit(): Promise<void> {
    if (isBusy.value) return;
    errors.value = check();
    if (Object.keys(errors.value).length > 0) return;
    const isEqual = form.how === 'equal';
    const input: Input = {
      total: form.total,
      payers: form.people.map(({ id }) => ({ userId: id })),
      includesViewer: form.includesViewer,
      amounts: isEqual ? null : typed.value,
      note: cleanText(form.note) || null,
      expiresAt: endOfDayIn(Number(form.days)),
    };
    await conclude(await create(input));
  }

  async function conclude(creation: Creation<{ id: string }> | null): Promise<void> {
    if (creation?.type === 'refused') errors.value = placed(creation.refusal);
    if (creation?.type !== 'done') return;
    noteRequestsChanged();
    if (creation.isSecond) {
      showToast({ title: 'An earlier version of this split was also created', detail: 'Cancel its requests if you don’t need them.', to: { name: 'requests', query: { side: 'made' } } });
    }
    const page = { name: 'bill-split', params: { id: creation.done.id } };
    if (creation.isAway) showToast({ title: 'Your bill was split', to: page });
    else await router.replace(page);
  }

  function remove(user: User): void {
    form.people = form.people.filter(({ id }) => id !== user.id);
  }

  return { form, phase, isBusy, errors, totalFault, shares, sharesFault, submit, remove, resume: async () => conclude(await resume()) };
}

function placed({ reason, message, fields }: Refusal): Errors {
  if (reason === 'RecipientNotFound' || reason === 'CannotPayYourself') return { people: message };
  if (reason === 'InvalidAmount') return { total: message };
  const places: Record<string, keyof Errors> = { payers: 'people', total: 'total', amounts: 'shares', note: 'note' };
  const found = fields.map(({ path, message: words }) => [path.map((part) => places[part]).find(Boolean) ?? 'form', words]);
  return found.length > 0 ? (Object.fromEntries(found) as Errors) : { form: message };
}
