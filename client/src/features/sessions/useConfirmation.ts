/** Actions that the API may want the user to confirm first, with ConfirmSessionDialog. */

import { ref } from 'vue';
import { CONFIRM_SESSION } from '@/features/accounts/answers';

export function useConfirmation() {
  const isConfirming = ref(false);
  let action: (() => unknown) | null = null;

  /** Whether that reason of a refusal wants it: then the user is asked, and `again` is called once they have confirmed. */
  function mustConfirm(reason: unknown, again: () => unknown): boolean {
    if (reason !== CONFIRM_SESSION) return false;
    action = again;
    isConfirming.value = true;
    return true;
  }

  function confirmed(): void {
    action?.();
    action = null;
  }

  return { isConfirming, mustConfirm, confirmed };
}
