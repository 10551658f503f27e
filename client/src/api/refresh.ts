/** Reading a query again. */

import { watch, type Ref } from 'vue';

/** The part of what `useQuery` returns that this needs. */
interface Query {
  fetching: Ref<boolean>;
  stale: Ref<boolean>;
  isPaused: Ref<boolean>;
  executeQuery: (options: { requestPolicy: 'network-only' }) => unknown;
}

/**
 * A function that reads the query from the service again. If it is being read already, it is read once more after that:
 * the response under way may be older than the event because of which the function was called.
 */
export function useRefresh({ fetching, stale, isPaused, executeQuery }: Query): () => void {
  let isOutdated = false;
  const isReading = () => fetching.value || stale.value;

  function refresh(): void {
    isOutdated = isReading();
    if (!isOutdated) void executeQuery({ requestPolicy: 'network-only' });
  }
  watch(isReading, (reading) => {
    // A query that was paused meanwhile is read when it continues.
    if (!reading && isOutdated && !isPaused.value) refresh();
  });
  return refresh;
}
