/**
 * A form that creates something once, whatever happens to the page or the network.
 *
 * The form is kept in the browser with its idempotency key, and shared by its tabs. Before a request leaves, what it says
 * is kept too: after a lost answer or a reload it is sent again with the same key, and the answer is the same.
 */

import { onScopeDispose, reactive, ref, watch } from 'vue';
import { draftKey } from '@/features/payments/payment-store';
import { meaningOf } from '@/features/payments/meaning';
import { newKey, type Refusal } from '@/features/payments/payment';
import { delay } from '@/api/session';
import { serviceTime } from '@/lib/clock';
import { browserStorage } from '@/lib/storage';
import { userScope } from '@/lib/user-scope';

const KEPT_MILLISECONDS = 12 * 3_600_000;
const PAUSES_MILLISECONDS = [700, 1_500, 3_000, 5_000];

interface Kept<Form, Input> {
  form: Form;
  key: string;
  /** What a request with this key said, if one was made and its answer is not known. */
  sent: Input | null;
  changedAt: number;
}

interface Answered<Done> {
  done: Done | null;
  result: Parameters<typeof meaningOf>[0];
  error: Parameters<typeof meaningOf>[1];
}

export type Creation<Done> =
  | { type: 'done'; done: Done; /** An earlier version of the form was created as well. */ isSecond: boolean; isAway: boolean }
  | { type: 'refused'; refusal: Refusal }
  /** No answer: it may have been created. */
  | { type: 'unknown' };

export function useOnce<Form extends object, Input extends object, Done>(
  name: string,
  empty: () => Form,
  send: (input: Input & { idempotencyKey: string }) => Promise<Answered<Done>>,
) {
  const scope = userScope();
  const place = draftKey(scope.userId ?? '', name);
  const kept = read<Kept<Form, Input>>(place);
  const form = reactive({ ...empty(), ...kept?.form }) as Form;
  const sent = ref<Input | null>(kept?.sent ?? null);
  const phase = ref<'idle' | 'sending' | 'repeating' | 'unknown'>('idle');
  let key = kept?.key ?? newKey();
  let isAway = false;
  let isForgotten = false;
  onScopeDispose(() => (isAway = true));

  function save(): void {
    if (!scope.isActive || isForgotten) return;
    browserStorage.setItem(place, JSON.stringify({ form, key, sent: sent.value, changedAt: serviceTime() }));
  }
  watch([form, sent], save, { deep: true, flush: 'sync' });

  function forget(): void {
    isForgotten = true;
    if (scope.isActive) browserStorage.removeItem(place);
  }

  async function deliver(input: Input): Promise<Creation<Done> | null> {
    let isSecond = false;
    for (let tries = 0; ; ) {
      sent.value = input;
      const { done, result, error } = await scope.whileActive(send({ ...input, idempotencyKey: key }));
      if (done) {
        forget();
        return { type: 'done', done, isSecond, isAway };
      }
      const meaning = meaningOf(result, error);
      if (meaning.type === 'refused' && meaning.refusal.reason === 'IdempotencyKeyReused' && !isSecond) {
        // The form was changed after a request whose answer was lost.
        isSecond = true;
        key = newKey();
        continue;
      }
      if (meaning.type === 'refused') return { type: 'refused', refusal: meaning.refusal };
      if (meaning.type === 'declined' && tries === 0) {
        return { type: 'refused', refusal: { reason: 'Declined', message: meaning.message, fields: [] } };
      }
      const pause = PAUSES_MILLISECONDS[tries];
      if (pause === undefined) return { type: 'unknown' };
      phase.value = 'repeating';
      await scope.whileActive(delay(pause));
      tries += 1;
    }
  }

  /** Null while an earlier call is in progress. */
  async function create(input: Input): Promise<Creation<Done> | null> {
    if (phase.value === 'sending' || phase.value === 'repeating') return null;
    phase.value = 'sending';
    const creation = await deliver(input);
    phase.value = creation?.type === 'unknown' ? 'unknown' : 'idle';
    if (creation?.type === 'refused') sent.value = null;
    return creation;
  }

  /** Sends what an earlier page sent without seeing the answer; null if there is nothing like that. */
  function resume(): Promise<Creation<Done> | null> {
    return sent.value ? create(JSON.parse(JSON.stringify(sent.value)) as Input) : Promise.resolve(null);
  }

  return { form, phase, create, resume };
}

function read<Value extends { changedAt: number }>(place: string): Value | null {
  try {
    const value = JSON.parse(browserStorage.getItem(place) ?? 'null') as Value | null;
    return value && Math.abs(serviceTime() - value.changedAt) < KEPT_MILLISECONDS ? value : null;
  } catch {
    return null;
  }
}
