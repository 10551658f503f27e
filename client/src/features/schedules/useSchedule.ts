/** Scheduling what the form for sending says: the choice of when, the confirmation, and the request. */

import { computed, reactive, ref, shallowRef, watch, type Ref } from 'vue';
import { client } from '@/api';
import { delay } from '@/api/session';
import { withConfirmation, type Confirmation, type ToConfirm } from '@/features/payments/confirming';
import { meaningOf } from '@/features/payments/meaning';
import { newKey, type Refusal, type User } from '@/features/payments/payment';
import { questions, type Conversation } from '@/features/security/questions';
import type { Preview } from '@/features/send/documents';
import { todayIn, type CalendarDate } from '@/lib/calendar';
import { serviceTime } from '@/lib/clock';
import { browserStorage } from '@/lib/storage';
import { cleanText } from '@/lib/text';
import { userScope } from '@/lib/user-scope';
import { faultsOf, NOW, rhythmOf, suggestedStart, type ChoiceFaults } from './choice';
import { ScheduleTransfer, type Schedule } from './documents';
import { isSameWanted, ScheduleStore, type Pending, type Wanted } from './schedule-store';

/** 'unknown': no answer came, and the user decides whether to try again. */
export type Phase = 'ready' | 'sending' | 'repeating' | 'unknown' | 'declined';

const REPEAT_MILLISECONDS = 60_000;
const PAUSES_MILLISECONDS = [700, 1_500, 3_000, 5_000];
const FIELDS = ['startsOn', 'endsOn', 'interval'] as const;

/** 'known': the page shows what became of it. */
type Ending = ToConfirm | { type: 'known' | 'unknown' };

interface Parts {
  form: { recipient: User | null; amount: string; note: string };
  /** The time zone of the signed-in user; undefined until it is known. */
  timeZone: Readonly<Ref<string | undefined>>;
  /** It is scheduled; `isEarlier` if an earlier request had done so. */
  onScheduled: (schedule: Schedule, isEarlier: boolean) => void;
}

export function useSchedule({ form, timeZone, onScheduled }: Parts) {
  const scope = userScope();
  const store = new ScheduleStore(browserStorage, scope.userId ?? '', serviceTime);
  const kept = store.read();
  const choice = reactive({ ...NOW, ...kept?.choice });
  const pending = shallowRef<Pending | null>(kept?.pending ?? null);
  const isConfirming = ref(false);
  const preview = shallowRef<Preview | null>(null);
  const phase = ref<Phase>('ready');
  const message = ref('');
  const refusal = shallowRef<Refusal | null>(null);
  const faults = ref<ChoiceFaults>({});

  const today = computed<CalendarDate | null>(() => (timeZone.value === undefined ? null : todayIn(timeZone.value)));
  const isLater = computed(() => choice.when !== 'now');
  const isBusy = computed(() => phase.value === 'sending' || phase.value === 'repeating');
  const rhythm = computed(() => (today.value === null ? null : rhythmOf(choice, today.value)));
  const save = () => {
    if (scope.isActive) store.write({ choice: { ...choice }, pending: pending.value });
  };

  watch(
    [() => choice.when, today],
    ([when, date]) => {
      if (when !== 'now' && date !== null && (!choice.startsOn || choice.startsOn < date)) choice.startsOn = suggestedStart(date);
    },
    { immediate: true },
  );
  watch(choice, () => {
    faults.value = {};
    save();
  });

  /** Whether the choice is complete; shows what is wrong. */
  function check(): boolean {
    faults.value = today.value === null ? {} : faultsOf(choice, today.value);
    return !isLater.value || (today.value !== null && Object.keys(faults.value).length === 0);
  }

  /** Goes on to the step that names the dates. The same as before keeps its key: a request with it may be on its way. */
  function confirm(known: Preview): void {
    if (!form.recipient || !rhythm.value) return;
    const wanted: Wanted = { ...rhythm.value, recipient: { ...form.recipient }, amount: known.amount, note: cleanText(form.note) };
    const open = [pending.value, store.read()?.pending].find((each) => each && isSameWanted(each.wanted, wanted) && (each === pending.value || each.isOpen));
    pending.value = open ?? { key: newKey(), wanted, isOpen: false };
    preview.value = known;
    refusal.value = null;
    phase.value = 'ready';
    isConfirming.value = true;
    save();
  }

  function edit(): void {
    isConfirming.value = false;
  }

  /** Sends it, with the second factor if the service asks for it. */
  async function send(): Promise<void> {
    const wanted = pending.value;
    if (!wanted || isBusy.value) return;
    const conversation = questions().converse();
    const words = { ...wanted.wanted, isScheduled: true };
    const attempt = (confirmation?: Confirmation) => deliver(wanted, conversation, confirmation);
    const ending = await withConfirmation<Ending>(words, conversation, await attempt(), attempt, () => undefined);
    conversation.end();
    if (ending === 'cancelled') phase.value = pending.value?.isOpen ? 'unknown' : 'ready';
    else if (ending?.type === 'unknown') phase.value = 'unknown';
  }

  /** Sends until there is an answer, or a minute is over. */
  async function deliver(wanted: Pending, conversation: Conversation, confirmation?: Confirmation): Promise<Ending> {
    phase.value = 'sending';
    let isUncertain = pending.value?.isOpen ?? false;
    const until = performance.now() + REPEAT_MILLISECONDS;
    for (let tries = 0; ; tries += 1) {
      note(wanted, true);
      const ending = await attempt(wanted, confirmation);
      if (ending && ending.type !== 'known') note(wanted, isUncertain);
      if (ending) return ending;
      isUncertain = true;
      const pause = PAUSES_MILLISECONDS[Math.min(tries, PAUSES_MILLISECONDS.length - 1)] ?? 0;
      if (performance.now() + pause > until) return { type: 'unknown' };
      conversation.hide();
      phase.value = 'repeating';
      await scope.whileActive(delay(pause));
    }
  }

  /** Whether a request may still arrive. */
  function note(wanted: Pending, isOpen: boolean): void {
    pending.value = { ...wanted, isOpen };
    save();
  }

  /** One request, with the token of the user who wants it. Null if its outcome is not known. */
  async function attempt({ key, wanted }: Pending, confirmation?: Confirmation): Promise<Ending | null> {
    const { recipient, amount, note: words, startsOn, recurrence, endsOn } = wanted;
    const input = {
      recipient: { userId: recipient.id },
      amount: amount.amount,
      note: words.trim() || null,
      startsOn,
      recurrence,
      endsOn,
      idempotencyKey: key,
      confirmation,
    };
    const { data, error } = await scope.whileActive(client.value.mutation(ScheduleTransfer, { input }).toPromise());
    const result = data?.scheduleTransfer;
    if (result?.__typename === 'TransferScheduled') {
      Object.assign(choice, NOW);
      pending.value = null;
      save();
      onScheduled(result.scheduledTransfer, result.replayed);
      return { type: 'known' };
    }
    const meaning = meaningOf(result, error);
    if (meaning.type === 'to-confirm') return meaning;
    if (meaning.type === 'refused') {
      if (confirmation && meaning.refusal.reason === 'InvalidSecondFactor') return { type: 'misconfirmed' };
      refuse(meaning.refusal);
    } else if (meaning.type === 'declined') {
      message.value = meaning.message;
      phase.value = 'declined';
    } else return null;
    return { type: 'known' };
  }

  /** Back to the form, where the user can correct it. */
  function refuse(found: Refusal): void {
    pending.value = null;
    phase.value = 'ready';
    isConfirming.value = false;
    const ours = found.fields.filter(({ path }) => FIELDS.some((field) => path.includes(field)));
    faults.value = Object.fromEntries(ours.map(({ path, message: words }) => [FIELDS.find((field) => path.includes(field)), words]));
    const others = found.fields.filter((field) => !ours.includes(field));
    refusal.value = ours.length > 0 && others.length === 0 ? null : { ...found, fields: others };
    save();
  }

  return {
    ...{ choice, faults, today, isLater, rhythm, isConfirming, preview, phase, message, refusal, isBusy },
    ...{ pending, check, confirm, edit, send },
  };
}
