/** What the signed-in user is barred from at the moment; followed while the page is open. */

import { computed, onScopeDispose } from 'vue';
import { useViewer, type ViewerOfPage } from '@/features/profile/useViewer';
import { onNotification } from '@/realtime';

export type Restriction = ViewerOfPage['restrictions'][number];

export function useRestrictions() {
  const { viewer, refresh } = useViewer();
  onScopeDispose(onNotification(({ kind }) => kind === 'ACCOUNT_RESTRICTED' && refresh()));
  const restrictions = computed(() => viewer.value?.restrictions ?? []);
  return { restrictions, isBarred: (from: Restriction) => restrictions.value.includes(from) };
}
