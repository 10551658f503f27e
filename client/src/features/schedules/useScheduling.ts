/** Scheduling as a part of the page for sending. */

import { computed, onMounted } from 'vue';
import { useRoute, useRouter } from 'vue-router';
import type { User } from '@/features/payments/payment';
import { showToast } from '@/ui/toasts';
import { useSchedule } from './useSchedule';

/** `onDone` empties the form. The address `?when=repeat` begins with a transfer that repeats. */
export function useScheduling(
  form: { recipient: User | null; amount: string; note: string },
  timeZoneOf: () => string | undefined,
  onDone: () => void,
) {
  const router = useRouter();
  const route = useRoute();
  const timeZone = computed(timeZoneOf);
  const schedule = useSchedule({
    form,
    timeZone,
    onScheduled: ({ id }, isEarlier) => {
      onDone();
      showToast({ title: isEarlier ? 'This transfer was already scheduled' : 'The transfer is scheduled' });
      // In place of the form: Back does not lead to it again.
      void router.replace({ name: 'scheduled-transfer', params: { id } });
    },
  });
  const { choice, faults, rhythm, today, isConfirming, pending, preview, phase, message, isBusy } = schedule;
  onMounted(() => {
    if (route.query.when === 'repeat' && choice.when === 'now') choice.when = 'repeat';
  });

  /** What the fields need; null until the user's time zone is known. */
  const fields = computed(() =>
    today.value !== null && timeZone.value !== undefined
      ? { faults: faults.value, rhythm: rhythm.value, today: today.value, timeZone: timeZone.value }
      : null,
  );
  /** What the step for confirming shows; null at any other step. */
  const confirmation = computed(() => {
    if (!isConfirming.value || !pending.value || !preview.value || !fields.value) return null;
    const { wanted } = pending.value;
    const shown = { phase: phase.value, message: message.value, isBusy: isBusy.value };
    return { wanted, preview: preview.value, today: fields.value.today, timeZone: fields.value.timeZone, ...shown };
  });
  return { ...schedule, fields, confirmation };
}
