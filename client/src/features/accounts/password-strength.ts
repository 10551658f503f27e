/** The hint below a new password; it follows the service's rules. */
import { computed, ref, toValue, type ComputedRef, type MaybeRefOrGetter } from 'vue';
import { judgePassword, type PasswordJudgement } from '@/lib/passwords';

const common = ref<ReadonlySet<string> | null>(null);
let loading: Promise<void> | null = null;

/** Reads the list of common passwords once, when the first new password is typed. */
function loadCommonPasswords(): Promise<void> {
  loading ??= import('@/features/accounts/common-passwords.txt?raw')
    .then((list) => {
      common.value = new Set(list.default.split('\n'));
    })
    .catch(() => {
      // The service checks too: without the list, the hint is only less precise.
      loading = null;
    });
  return loading;
}

export function usePasswordStrength(password: MaybeRefOrGetter<string>): ComputedRef<PasswordJudgement> {
  return computed(() => {
    const text = toValue(password);
    if (text !== '') void loadCommonPasswords();
    return judgePassword(text, common.value);
  });
}

/** Why the service would refuse a new password, if it would. Waits for the list of common ones, if it can be loaded. */
export async function newPasswordFault(password: string): Promise<string | undefined> {
  if (password === '') return 'Choose a password.';
  await loadCommonPasswords();
  const { level, words } = judgePassword(password, common.value);
  return level === 'refused' ? words : undefined;
}
