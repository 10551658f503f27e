/** The lines that a filter admits, page by page, with what comes meanwhile. */

import { computed, onScopeDispose, shallowRef, watch, type Ref } from 'vue';
import { client, sentenceFor } from '@/api';
import { loadOlder, onRecovered, onTransaction, wallet, type Transaction } from '@/realtime';
import { Transactions } from './documents';
import { admits, inputOf, isEverything, type ActivityFilter } from './filter';

const PAGE = 20;

interface Filtered {
  lines: Transaction[];
  cursor: string | null;
}

export function useTransactions(filter: Readonly<Ref<ActivityFilter>>) {
  /** Null until the first page of that filter is here. */
  const filtered = shallowRef<Filtered | null>(null);
  const isLoading = shallowRef(false);
  const error = shallowRef<string | null>(null);
  /** Counts what was asked for, so that an answer out of order is dropped. */
  let asked = 0;

  const isAll = computed(() => isEverything(filter.value));
  const lines = computed(() =>
    isAll.value ? (wallet.value?.lines ?? null) : (filtered.value?.lines ?? null),
  );
  const hasMore = computed(() =>
    Boolean(isAll.value ? wallet.value?.olderCursor : filtered.value?.cursor),
  );

  async function read(after: string | null): Promise<void> {
    const mine = ++asked;
    isLoading.value = true;
    error.value = null;
    const result = await client.value
      .query(
        Transactions,
        { first: PAGE, after, filter: inputOf(filter.value) },
        { requestPolicy: 'network-only' },
      )
      .toPromise();
    if (mine !== asked) return;
    isLoading.value = false;
    const page = result.data?.viewer?.transactions;
    if (!page) {
      error.value = result.error ? sentenceFor(result.error) : null;
      return;
    }
    filtered.value = {
      lines: [...(after && filtered.value ? filtered.value.lines : []), ...page.nodes],
      cursor: page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null,
    };
  }

  async function loadMore(): Promise<void> {
    if (isLoading.value || !hasMore.value) return;
    if (!isAll.value) {
      await read(filtered.value?.cursor ?? null);
      return;
    }
    isLoading.value = true;
    error.value = await loadOlder();
    isLoading.value = false;
  }

  function retry(): void {
    if (isAll.value || filtered.value) void loadMore();
    else void read(null);
  }

  watch(
    filter,
    () => {
      asked += 1;
      isLoading.value = false;
      error.value = null;
      filtered.value = null;
      if (!isAll.value) void read(null);
    },
    { immediate: true },
  );
  onScopeDispose(
    onTransaction((line) => {
      if (isAll.value || !filtered.value) return;
      const admitted = admits(filter.value, line);
      if (admitted === null) void read(null);
      if (admitted) filtered.value = { ...filtered.value, lines: [line, ...filtered.value.lines] };
    }),
  );
  onScopeDispose(
    onRecovered(() => {
      if (error.value) retry();
    }),
  );

  return { lines, hasMore, isLoading, error, loadMore, retry };
}
