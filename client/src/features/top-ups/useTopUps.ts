/** The user's top-ups, page by page, read again when one of them may have changed. */

import { onScopeDispose } from 'vue';
import { client, sentenceFor } from '@/api';
import { usePaged } from '@/lib/paged';
import { onNotification, onTransaction } from '@/realtime';
import { TopUps, type TopUp } from './documents';

export function useTopUps() {
  const paged = usePaged<TopUp>(async (first, after) => {
    const { data, error } = await client.value.query(TopUps, { first, after }, { requestPolicy: 'network-only' }).toPromise();
    if (error || !data) return { failure: error ? sentenceFor(error) : 'Something went wrong. Try again.' };
    return { page: data.viewer?.topUps ?? null };
  });
  const refresh = () => void paged.refresh();
  const refreshOnReturn = () => {
    if (!document.hidden) refresh();
  };
  // The payment page may have been opened in another tab.
  document.addEventListener('visibilitychange', refreshOnReturn);
  onScopeDispose(() => document.removeEventListener('visibilitychange', refreshOnReturn));
  onScopeDispose(onTransaction(({ kind }) => kind !== 'TRANSFER' && refresh()));
  onScopeDispose(onNotification(({ kind }) => kind === 'TOP_UP_FAILED' && refresh()));
  return paged;
}
