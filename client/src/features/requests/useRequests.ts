/** The user's payment requests that match a filter, page by page, as they change. */

import { computed, shallowRef, watch, type Ref } from 'vue';
import { client, sentenceFor, type VariablesOf } from '@/api';
import { requestVersion } from './changes';
import { PaymentRequests, type PaymentRequest } from './documents';

const MOST_AT_ONCE = 100;

export type RequestFilter = NonNullable<VariablesOf<typeof PaymentRequests>['filter']>;

interface Loaded {
  requests: PaymentRequest[];
  cursor: string | null;
}

export function useRequests(filter: Readonly<Ref<RequestFilter>>, pageSize = 20) {
  /** Null until the first page of that filter has been loaded. */
  const loaded = shallowRef<Loaded | null>(null);
  const isLoading = shallowRef(false);
  const error = shallowRef<string | null>(null);
  /** Counts requests, so that responses of another filter are dropped. */
  let asked = 0;
  /** Something changed that the pending response may not contain. */
  let isOutdated = false;

  async function read(first: number, after: string | null): Promise<void> {
    const mine = ++asked;
    isLoading.value = true;
    const result = await client.value
      .query(PaymentRequests, { first, after, filter: filter.value }, { requestPolicy: 'network-only' })
      .toPromise();
    if (mine !== asked) return;
    isLoading.value = false;
    const page = result.data?.viewer?.paymentRequests;
    if (page) {
      const before = after ? (loaded.value?.requests ?? []) : [];
      loaded.value = { requests: [...before, ...page.nodes], cursor: page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null };
      error.value = null;
    } else if (result.error) {
      error.value = sentenceFor(result.error);
    }
    if (isOutdated) refresh();
  }

  /** Reads what is shown again; one request at a time, as identical ones would share a response. */
  function refresh(): void {
    isOutdated = isLoading.value;
    const shown = Math.max(pageSize, loaded.value?.requests.length ?? 0);
    if (!isOutdated) void read(Math.min(shown, MOST_AT_ONCE), null);
  }

  function loadMore(): void {
    const cursor = loaded.value?.cursor;
    if (cursor && !isLoading.value) void read(pageSize, cursor);
  }

  watch(
    filter,
    () => {
      asked += 1;
      isOutdated = isLoading.value = false;
      error.value = loaded.value = null;
      refresh();
    },
    { immediate: true },
  );
  watch(requestVersion, refresh);

  return {
    requests: computed(() => loaded.value?.requests ?? null),
    hasMore: computed(() => Boolean(loaded.value?.cursor)),
    isLoading,
    error,
    loadMore,
    retry: refresh,
  };
}
