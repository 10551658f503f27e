/** Tells whenever payment requests may have changed: by this page, by other people, or by this user on another device. */

import { shallowRef } from 'vue';
import { perUser } from '@/lib/user-scope';
import { onNotification, onRecovered, onTransaction } from '@/realtime';

const changes = perUser((scope) => {
  const version = shallowRef(0);
  const note = () => {
    version.value += 1;
  };
  const lookAgain = () => {
    if (document.visibilityState === 'visible') note();
  };
  scope.onEnd(onNotification(({ kind }) => kind.startsWith('REQUEST_') && note()));
  // A request that the user has paid in another tab is not notified to them.
  scope.onEnd(onTransaction(({ direction }) => direction === 'OUTGOING' && note()));
  scope.onEnd(onRecovered(note));
  document.addEventListener('visibilitychange', lookAgain);
  scope.onEnd(() => document.removeEventListener('visibilitychange', lookAgain));
  return { version, note };
});

/** A number that changes when requests may have changed; reactive. */
export const requestVersion = (): number => changes().version.value;

/** Call it after a mutation of this page. */
export function noteRequestsChanged(): void {
  changes().note();
}
