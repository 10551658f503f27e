/** Scheduling what the form for sending says: the choice of when, the confirmation, and the request. */

import { computed, reactive, ref, shallowRef, watch, type Ref } from 'vue';
import { client } from '@/api';
import { delay } from '@/api/session';
import { meaningOf } from '@/features/payments/meaning';
import { newKey, type Refusal, type User } from '@/features/payments/payment';
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

  async function send(): Promise<void> {
    const wanted = pending.value;
    if (!wanted || isBusy.value) return;
    phase.value = 'sending';
    pending.value = { ...wanted, isOpen: true };
    save();
    const until = performance.now() + REPEAT_MILLISECONDS;
    for (let tries = 0; scope.isActive; tries += 1) {
      const isFinal = await attempt(wanted);
      if (isFinal) return;
      const pause = PAUSES_MILLISECONDS[Math.min(tries, PAUSES_MILLISECONDS.length - 1)] ?? 0;
      if (performance.now() + pause > until) break;
      phase.value = 'repeating';
      await scope.whileActive(delay(pause));
    }
    phase.value = 'unknown';
  }

  /** One request, with the token of the user who wants it. Returns whether its outcome is known. */
  async function attempt({ key, wanted }: Pending): Promise<boolean> {
    const { recipient, amount, note, startsOn, recurrence, endsOn } = wanted;
    const input = {
      recipient: { userId: recipient.id },
      amount: amount.amount,
      note: note.trim() || null,
      startsOn,
      recurrence,
      endsOn,
      idempotencyKey: key,
    };
    const { data, error } = await scope.whileActive(client.value.mutation(ScheduleTransfer, { input }).toPromise());
    const result = data?.scheduleTransfer;
    if (result?.__typename === 'TransferScheduled') {
      Object.assign(choice, NOW);
      pending.value = null;
      save();
      onScheduled(result.scheduledTransfer, result.replayed);
      return true;
    }
    const meaning = meaningOf(result, error);
    if (meaning.type === 'refused') refuse(meaning.refusal);
    else if (meaning.type === 'declined') {
      message.value = meaning.message;
      phase.value = 'declined';
    } else return false;
    return true;
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
