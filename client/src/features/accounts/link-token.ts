/** The token of a link in an email: removed from the URL and stored in the history entry, so that it survives a reload. */
import { readonly, ref, watch, type Ref } from 'vue';
import { useRoute, useRouter } from 'vue-router';

function kept(): string {
  const { linkToken } = (history.state ?? {}) as { linkToken?: unknown };
  return typeof linkToken === 'string' ? linkToken : '';
}

/** Empty if there is none. Changes if another link is opened in the same tab. */
export function useLinkToken(): Readonly<Ref<string>> {
  const route = useRoute();
  const router = useRouter();
  const token = ref(kept());
  watch(
    () => route.hash,
    (hash) => {
      const inAddress = new URLSearchParams(hash.slice(1)).get('token');
      if (inAddress === null) return;
      token.value = inAddress;
      void router.replace({ path: route.path, hash: '', state: { linkToken: inAddress } });
    },
    { immediate: true },
  );
  return readonly(token);
}
