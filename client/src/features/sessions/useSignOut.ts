/** Signing out of this device or of all devices. */
import { ref, type Ref } from 'vue';
import { signOut } from '@/api';
import { payments } from '@/features/payments/payments';
import { showToast } from '@/ui/toasts';

export function useSignOut(): { busy: Ref<boolean>; leave: (parts?: { everywhere?: boolean }) => Promise<void> } {
  const busy = ref(false);

  async function leave({ everywhere = false } = {}): Promise<void> {
    if (busy.value) return;
    busy.value = true;
    // Nothing is sent for a user who has left.
    await payments().giveUpAll();
    const refusal = await signOut({ everywhere });
    busy.value = false;
    if (refusal) showToast({ title: 'You are still signed in', detail: refusal, tone: 'danger' });
  }
  return { busy, leave };
}
