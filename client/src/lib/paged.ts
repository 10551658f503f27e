/** A list that is loaded page by page, and read again where it may have changed. */

import { onScopeDispose, ref, shallowRef } from 'vue';

export interface Page<Item> {
  nodes: Item[];
  pageInfo: { hasNextPage: boolean; endCursor: string | null };
}

/** A page, null if the list does not exist, or a sentence about why it could not be read. */
export type ReadPage<Item> = (first: number, after: string | null) => Promise<{ page: Page<Item> | null } | { failure: string }>;

const PAGE = 20;
const LARGEST_PAGE = 100;

export function usePaged<Item>(read: ReadPage<Item>) {
  /** Null until the first page has been read. */
  const items = shallowRef<Item[] | null>(null);
  const cursor = ref<string | null>(null);
  const failure = ref('');
  const isMissing = ref(false);
  const isLoading = ref(false);
  /** Only what the newest reading finds counts. */
  let turn = 0;
  onScopeDispose(() => (turn = -1));

  async function load(count: number, before: Item[], after: string | null): Promise<void> {
    if (turn < 0) return;
    const mine = ++turn;
    isLoading.value = true;
    let found = before;
    let next = after;
    do {
      const result = await read(Math.min(count - (found.length - before.length), LARGEST_PAGE), next);
      if (mine !== turn) return;
      failure.value = 'failure' in result ? result.failure : '';
      if ('failure' in result) break;
      isMissing.value = result.page === null;
      if (!result.page) break;
      found = [...found, ...result.page.nodes];
      next = result.page.pageInfo.hasNextPage ? result.page.pageInfo.endCursor : null;
      if (found.length - before.length >= count || next === null) {
        items.value = found;
        cursor.value = next;
        break;
      }
    } while (mine === turn);
    isLoading.value = false;
  }

  /** Reads as much as is shown again. */
  const refresh = (): Promise<void> => load(Math.max(PAGE, items.value?.length ?? 0), [], null);
  const loadMore = (): Promise<void> => (items.value && cursor.value ? load(PAGE, items.value, cursor.value) : refresh());
  void refresh();
  return { items, hasMore: cursor, failure, isMissing, isLoading, refresh, loadMore };
}
