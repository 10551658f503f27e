/** The hint below a new password; it follows the service's rules. */
import { computed, ref, toValue, type ComputedRef, type MaybeRefOrGetter } from 'vue';
import { judgePassword, type PasswordJudgement } from '@/lib/passwords';

const common = ref<ReadonlySet<string> | null>(null);
let loading: Promise<void> | null = null;

/** Reads the list of common passwords once, when the first new password is typed. */
function loadCommonPasswords(): void {
  loading ??= import('@/features/accounts/common-passwords.txt?raw')
    .then((list) => {
      common.value = new Set(list.default.split('\n'));
    })
    .catch(() => {
      // The service checks too: without the list, the hint is only less precise.
      loading = null;
    });
}

export function usePasswordStrength(password: MaybeRefOrGetter<string>): ComputedRef<PasswordJudgement> {
  return computed(() => {
    const text = toValue(password);
    if (text !== '') loadCommonPasswords();
    return judgePassword(text, common.value);
  });
}
