/** Searches for users while the user types: debounced, and without responses out of order. */

import { computed, onScopeDispose, shallowRef, watch, type Ref } from 'vue';
import { client, sentenceFor } from '@/api';
import type { User } from '@/features/payments/payment';
import { SearchUsers } from './documents';
import { ranked } from './matching';

const PAUSE_MILLISECONDS = 200;
const MOST = 8;

export function useUserSearch(
  query: Readonly<Ref<string>>,
  contacts: Readonly<Ref<readonly User[] | null>>,
) {
  const found = shallowRef<{ query: string; users: User[] }>({ query: '', users: [] });
  const isSearching = shallowRef(false);
  const error = shallowRef<string | null>(null);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let asked = 0;

  async function search(text: string, mine: number): Promise<void> {
    const result = await client.value
      .query(SearchUsers, { query: text, first: MOST }, { requestPolicy: 'network-only' })
      .toPromise();
    if (mine !== asked) return;
    isSearching.value = false;
    if (result.error) error.value = sentenceFor(result.error);
    else found.value = { query: text, users: result.data?.searchUsers.nodes ?? [] };
  }

  watch(query, (typed) => {
    const text = typed.trim();
    const mine = ++asked;
    clearTimeout(timer);
    error.value = null;
    isSearching.value = text !== '';
    if (text) timer = setTimeout(() => void search(text, mine), PAUSE_MILLISECONDS);
    else found.value = { query: '', users: [] };
  });
  onScopeDispose(() => {
    asked += 1;
    clearTimeout(timer);
  });

  const users = computed(() =>
    ranked(
      query.value,
      contacts.value ?? [],
      // Results for the previous text would flicker.
      found.value.query === query.value.trim() ? found.value.users : [],
    ).slice(0, MOST),
  );
  const isContact = (user: User) => (contacts.value ?? []).some(({ id }) => id === user.id);
  return { users, isSearching, error, isContact };
}
