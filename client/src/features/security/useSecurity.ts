/** The security settings of the signed-in user. */

import { useQuery } from '@urql/vue';
import { computed, onScopeDispose } from 'vue';
import { sentenceFor, useRefresh } from '@/api';
import { onNotification, onRecovered } from '@/realtime';
import { Security, type SecuritySettings } from './documents';

export function useSecurity() {
  const query = useQuery({ query: Security, variables: {}, requestPolicy: 'cache-and-network' });
  const viewer = computed(() => query.data.value?.viewer ?? null);
  const security = computed<SecuritySettings | null>(() => viewer.value?.security ?? null);
  const failure = computed(() => (query.error.value && !security.value ? sentenceFor(query.error.value) : ''));

  const refresh = useRefresh(query);
  onScopeDispose(onRecovered(refresh));
  // Another device, or a recovery code that was used.
  onScopeDispose(onNotification(({ kind }) => kind === 'SECURITY_CHANGED' && refresh()));

  return {
    email: computed(() => viewer.value?.email ?? ''),
    isVerified: computed(() => viewer.value?.emailVerifiedAt !== null),
    currency: computed(() => query.data.value?.wallet.currency ?? 'USD'),
    ...{ security, failure, refresh },
  };
}

/** Whether there is only that many second factors: with the last one, the others' protection ends too. */
export const countFactors = ({ totp, passkeys }: SecuritySettings): number => (totp ? 1 : 0) + passkeys.length;
