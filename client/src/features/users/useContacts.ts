/** The users whom the viewer exchanged money with, most recent first. */

import { useQuery } from '@urql/vue';
import { computed, onScopeDispose } from 'vue';
import { onTransaction } from '@/realtime';
import { Contacts } from './documents';

export function useContacts(first = 8) {
  const { data, error, executeQuery } = useQuery({
    query: Contacts,
    variables: { first },
    requestPolicy: 'cache-and-network',
  });
  const contacts = computed(() => data.value?.viewer?.contacts ?? null);
  onScopeDispose(
    onTransaction(({ counterparty }) => {
      if (!counterparty || counterparty.id === contacts.value?.[0]?.id) return;
      executeQuery({ requestPolicy: 'network-only' });
    }),
  );
  return { contacts, error };
}
