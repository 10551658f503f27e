import { ref, watch, type Ref } from 'vue';
import type { RecipientCheck } from './documents';

/** Holds a payment back until the user has confirmed a recipient who looks like another one. */
export function useRecipientCheck(check: () => RecipientCheck | null): { isChecked: Ref<boolean>; fault: Ref<string>; mayGoOn: () => boolean } {
  const isChecked = ref(false);
  const fault = ref('');
  watch(isChecked, () => (fault.value = ''));

  function mayGoOn(): boolean {
    const isDoubtful = (check()?.lookalikes.length ?? 0) > 0 && !isChecked.value;
    fault.value = isDoubtful ? 'Confirm first that this is the right person.' : '';
    return !isDoubtful;
  }
  return { isChecked, fault, mayGoOn };
}
