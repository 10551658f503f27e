/** The token of a mail's link: taken out of the address, kept with the history entry so that a reload still has it. */
import { readonly, ref, watch, type Ref } from 'vue';
import { useRoute, useRouter } from 'vue-router';

function kept(): string {
  const { linkToken } = (history.state ?? {}) as { linkToken?: unknown };
  return typeof linkToken === 'string' ? linkToken : '';
}

/** Empty where there is none. Changes where another link is pasted into the same tab. */
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
