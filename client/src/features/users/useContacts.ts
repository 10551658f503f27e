/** The users whom the viewer exchanged money with, most recent first. */

import { useQuery } from '@urql/vue';
import { computed, onScopeDispose } from 'vue';
import { useRefresh } from '@/api';
import { onTransaction } from '@/realtime';
import { Contacts } from './documents';

export function useContacts(first = 8) {
  const query = useQuery({
    query: Contacts,
    variables: { first },
    requestPolicy: 'cache-and-network',
  });
  const refresh = useRefresh(query);
  const contacts = computed(() => query.data.value?.viewer?.contacts ?? null);
  onScopeDispose(
    onTransaction(({ counterparty }) => {
      if (counterparty && counterparty.id !== contacts.value?.[0]?.id) refresh();
    }),
  );
  return { contacts, error: query.error };
}
