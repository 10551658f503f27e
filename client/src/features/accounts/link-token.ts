/** The token of a mail's link: taken out of the address, kept by the history so that a reload still has it. */
import { useRoute, useRouter } from 'vue-router';

export function useLinkToken(): string {
  const route = useRoute();
  const router = useRouter();
  const inAddress = typeof route.query.token === 'string' ? route.query.token : '';
  if (inAddress) {
    void router.replace({ path: route.path, query: {}, state: { token: inAddress } });
    return inAddress;
  }
  const kept = (history.state as { token?: unknown } | null)?.token;
  return typeof kept === 'string' ? kept : '';
}
