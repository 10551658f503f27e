/** A top-up as it changes: told by its transaction or notification, and looked at while neither comes. */

import { computed, onScopeDispose, ref, shallowRef, watch } from 'vue';
import { client, sentenceFor } from '@/api';
import { onNotification, onRecovered, onTransaction } from '@/realtime';
import { OneTopUp, type TopUp } from './documents';
import { pauseAfter } from './pauses';
import { isPending } from './words';

export function useTopUp(id: () => string) {
  const topUp = shallowRef<TopUp | null>(null);
  const failure = ref('');
  const isMissing = ref(false);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let looks = 0;
  let turn = 0;

  /** Identical requests at the same time would share an answer. */
  async function look(): Promise<void> {
    clearTimeout(timer);
    const mine = ++turn;
    const { data, error } = await client.value.query(OneTopUp, { id: id() }, { requestPolicy: 'network-only' }).toPromise();
    if (mine !== turn) return;
    failure.value = error ? sentenceFor(error) : '';
    if (!error) {
      topUp.value = data?.node?.__typename === 'TopUp' ? data.node : null;
      isMissing.value = topUp.value === null;
    }
    if (error || (topUp.value && isPending(topUp.value))) timer = setTimeout(() => void look(), pauseAfter(looks++));
  }

  function start(): void {
    looks = 0;
    void look();
  }

  watch(id, () => {
    topUp.value = null;
    start();
  }, { immediate: true });
  onScopeDispose(() => {
    turn = -1;
    clearTimeout(timer);
  });
  onScopeDispose(onTransaction(({ kind }) => kind !== 'TRANSFER' && start()));
  onScopeDispose(onNotification(({ kind }) => kind === 'TOP_UP_FAILED' && start()));
  onScopeDispose(onRecovered(start));

  return { topUp, failure: computed(() => (topUp.value ? '' : failure.value)), isMissing, refresh: start };
}
