/** The transactions that match a filter, page by page, including new ones. */

import { computed, onScopeDispose, shallowRef, watch, type Ref } from 'vue';
import { client, sentenceFor } from '@/api';
import { loadOlder, onRecovered, onTransaction, wallet, type Transaction } from '@/realtime';
import { Transactions } from './documents';
import { admits, inputOf, isEverything, type ActivityFilter } from './filter';

const PAGE = 20;

interface Filtered {
  transactions: Transaction[];
  cursor: string | null;
}

export function useTransactions(filter: Readonly<Ref<ActivityFilter>>) {
  /** Null until the first page of that filter has been loaded. */
  const filtered = shallowRef<Filtered | null>(null);
  const isLoading = shallowRef(false);
  const error = shallowRef<string | null>(null);
  /** Counts requests, so that responses that arrive out of order are dropped. */
  let asked = 0;
  /** A transaction arrived that the pending response may not contain. */
  let isOutdated = false;

  const isAll = computed(() => isEverything(filter.value));
  const transactions = computed(() =>
    isAll.value ? (wallet.value?.transactions ?? null) : (filtered.value?.transactions ?? null),
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
    const cursor = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
    filtered.value = after
      ? { transactions: [...(filtered.value?.transactions ?? []), ...page.nodes], cursor }
      : joined({ transactions: page.nodes, cursor }, filtered.value);
    if (isOutdated) readNewest();
  }

  /** One at a time: identical concurrent requests would share a response. */
  function readNewest(): void {
    isOutdated = isLoading.value;
    if (!isOutdated) void read(null);
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
      isOutdated = false;
      isLoading.value = false;
      error.value = null;
      filtered.value = null;
      if (!isAll.value) void read(null);
    },
    { immediate: true },
  );
  onScopeDispose(
    onTransaction((transaction) => {
      if (isAll.value) return;
      const admitted = admits(filter.value, transaction);
      if (admitted === false) return;
      const before = filtered.value;
      if (admitted === null || !before) readNewest();
      // The response may already have contained it.
      else if (before.transactions.every(({ id }) => id !== transaction.id)) filtered.value = { ...before, transactions: [transaction, ...before.transactions] };
    }),
  );
  onScopeDispose(
    onRecovered(() => {
      if (error.value) retry();
    }),
  );

  return { transactions, hasMore, isLoading, error, loadMore, retry };
}

/** The newest page joined with the loaded ones, unless there is a gap between them. */
function joined(newest: Filtered, before: Filtered | null): Filtered {
  const known = before?.transactions[0]?.id;
  const place = newest.transactions.findIndex(({ id }) => id === known);
  return before && place >= 0
    ? { ...before, transactions: [...newest.transactions.slice(0, place), ...before.transactions] }
    : newest;
}
