/** Reading the list of notifications: what is shown counts as read. */

import { onScopeDispose, ref, shallowRef, watch, type Ref } from 'vue';
import { markNotificationsRead, notifications, onRecovered } from '@/realtime';

/**
 * While the page is visible, marks everything up to the newest as read. Returns the number up to which everything
 * had been read when the page was opened, for the marks of what is new; null until they have been loaded.
 */
export function useReading(): Readonly<Ref<number | null>> {
  const seenThrough = shallowRef<number | null>(null);
  const isVisible = ref(!document.hidden);
  let isMarking = false;

  async function mark(): Promise<void> {
    const { value } = notifications;
    if (!value || isMarking || !isVisible.value || value.newest <= value.readThrough) return;
    isMarking = true;
    const isMarked = await markNotificationsRead(value.newest);
    isMarking = false;
    // More may have arrived meanwhile: after a failure, only those are a reason to try again at once.
    if (isMarked || notifications.value?.newest !== value.newest) void mark();
  }

  watch(
    notifications,
    (now) => {
      seenThrough.value ??= now?.readThrough ?? null;
      void mark();
    },
    { immediate: true },
  );
  const lookAgain = () => {
    isVisible.value = !document.hidden;
    void mark();
  };
  document.addEventListener('visibilitychange', lookAgain);
  const stop = onRecovered(() => void mark());
  onScopeDispose(() => {
    document.removeEventListener('visibilitychange', lookAgain);
    stop();
    isVisible.value = false;
  });
  return seenThrough;
}
