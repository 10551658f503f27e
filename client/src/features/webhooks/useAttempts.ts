/** The delivery attempts of a webhook, page by page; the newest are read again while the page is looked at. */

import { onScopeDispose, shallowRef } from 'vue';
import { client, sentenceFor } from '@/api';
import { onNotification, onRecovered, onTransaction } from '@/realtime';
import { WebhookAttempts, type Attempt } from './documents';

const PAGE = 20;
const WATCH_MILLISECONDS = 3_000;
/** After an event, so long until its delivery is likely to have been attempted. */
const DELIVERY_MILLISECONDS = [400, 1_000, 2_000];

interface Attempts {
  attempts: Attempt[];
  cursor: string | null;
}

export function useAttempts(webhookId: string) {
  /** Null until the first page has been loaded. */
  const current = shallowRef<Attempts | null>(null);
  const isLoading = shallowRef(false);
  const error = shallowRef<string | null>(null);
  let timers: ReturnType<typeof setTimeout>[] = [];
  let isOpen = true;

  async function read(after: string | null): Promise<void> {
    if (isLoading.value) return;
    isLoading.value = true;
    const { data, error: failure } = await client.value
      .query(WebhookAttempts, { id: webhookId, first: PAGE, after }, { requestPolicy: 'network-only' })
      .toPromise();
    isLoading.value = false;
    if (!isOpen) return;
    const page = data?.node?.__typename === 'Webhook' ? data.node.attempts : null;
    error.value = page ? null : failure ? sentenceFor(failure) : null;
    if (!page) return;
    const next = { attempts: page.nodes, cursor: page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null };
    const { value: before } = current;
    if (after === null) current.value = joined(next, before);
    else if (before) current.value = { attempts: [...before.attempts, ...next.attempts], cursor: next.cursor };
  }

  function refresh(): Promise<void> {
    return read(null);
  }

  async function loadMore(): Promise<void> {
    if (current.value?.cursor) await read(current.value.cursor);
    else if (!current.value) await refresh();
  }

  function refreshSoon(): void {
    timers.forEach(clearTimeout);
    timers = DELIVERY_MILLISECONDS.map((delay) => setTimeout(() => void refresh(), delay));
  }

  const watching = setInterval(() => {
    if (document.visibilityState === 'visible' && !error.value) void refresh();
  }, WATCH_MILLISECONDS);
  const stops = [onTransaction(refreshSoon), onNotification(refreshSoon), onRecovered(() => void refresh())];
  onScopeDispose(() => {
    isOpen = false;
    timers.forEach(clearTimeout);
    clearInterval(watching);
    for (const stop of stops) stop();
  });
  void refresh();

  return { current, isLoading, error, loadMore, refresh, refreshSoon };
}

export const keyOf = ({ eventId, attempt, sentAt }: Attempt): string => `${eventId} ${String(attempt)} ${sentAt}`;

/** The newest page joined with the loaded ones, unless there is a gap between them. */
export function joined(newest: Attempts, before: Attempts | null): Attempts {
  const known = before?.attempts[0];
  const place = known ? newest.attempts.findIndex((attempt) => keyOf(attempt) === keyOf(known)) : -1;
  if (!before || place < 0) return newest;
  // What is known of the loaded ones may have changed: whether there is a next attempt.
  const older = before.attempts.slice(newest.attempts.length - place);
  return { attempts: [...newest.attempts, ...older], cursor: older.length > 0 ? before.cursor : newest.cursor };
}
