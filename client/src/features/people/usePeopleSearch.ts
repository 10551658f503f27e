/** Searches for users while the user types: debounced, and without responses out of order. */

import { computed, onScopeDispose, shallowRef, watch, type Ref } from 'vue';
import { client, sentenceFor } from '@/api';
import type { Person } from '@/features/payments/payment';
import { SearchPeople } from './documents';
import { ranked } from './matching';

const PAUSE_MILLISECONDS = 200;
const MOST = 8;

export function usePeopleSearch(
  query: Readonly<Ref<string>>,
  contacts: Readonly<Ref<readonly Person[] | null>>,
) {
  const found = shallowRef<{ query: string; people: Person[] }>({ query: '', people: [] });
  const isSearching = shallowRef(false);
  const error = shallowRef<string | null>(null);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let asked = 0;

  async function search(text: string, mine: number): Promise<void> {
    const result = await client.value
      .query(SearchPeople, { query: text, first: MOST }, { requestPolicy: 'network-only' })
      .toPromise();
    if (mine !== asked) return;
    isSearching.value = false;
    if (result.error) error.value = sentenceFor(result.error);
    else found.value = { query: text, people: result.data?.searchUsers.nodes ?? [] };
  }

  watch(query, (typed) => {
    const text = typed.trim();
    const mine = ++asked;
    clearTimeout(timer);
    error.value = null;
    isSearching.value = text !== '';
    if (text) timer = setTimeout(() => void search(text, mine), PAUSE_MILLISECONDS);
    else found.value = { query: '', people: [] };
  });
  onScopeDispose(() => {
    asked += 1;
    clearTimeout(timer);
  });

  const people = computed(() =>
    ranked(
      query.value,
      contacts.value ?? [],
      // Results for the previous text would flicker.
      found.value.query === query.value.trim() ? found.value.people : [],
    ).slice(0, MOST),
  );
  const isContact = (person: Person) => (contacts.value ?? []).some(({ id }) => id === person.id);
  return { people, isSearching, error, isContact };
}
