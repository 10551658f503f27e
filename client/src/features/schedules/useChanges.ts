/** Pausing, resuming and ending a scheduled transfer. */

import { ref } from 'vue';
import { mutate } from '@/features/accounts/answers';
import { showToast } from '@/ui/toasts';
import { EndSchedule, PauseSchedule, ResumeSchedule, type Schedule } from './documents';

export type Change = 'pause' | 'resume' | 'end';

const CHANGES = {
  pause: { document: PauseSchedule, done: 'The scheduled transfer is paused', failed: 'It was not paused' },
  resume: { document: ResumeSchedule, done: 'The scheduled transfer is resumed', failed: 'It was not resumed' },
  end: { document: EndSchedule, done: 'The scheduled transfer has ended', failed: 'It was not ended' },
};

/** `onChanged` gets the scheduled transfer as it is then. */
export function useChanges(id: () => string, onChanged: (schedule: Schedule) => void) {
  const pending = ref<Change | null>(null);

  /** Returns whether it is done. */
  async function change(wanted: Change): Promise<boolean> {
    if (pending.value) return false;
    const { document, done, failed } = CHANGES[wanted];
    pending.value = wanted;
    const { data, message } = await mutate(document, { id: id() });
    pending.value = null;
    if (data?.result.__typename !== 'ScheduledTransferChanged') {
      showToast({ title: failed, detail: data?.result.message ?? message ?? '', tone: 'danger' });
      return false;
    }
    showToast({ title: done });
    onChanged(data.result.scheduledTransfer);
    return true;
  }

  return { pending, change };
}
