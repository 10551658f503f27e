/** The signed-in user. */
import { useQuery } from '@urql/vue';
import { computed, onBeforeUnmount, onMounted, type ComputedRef } from 'vue';
import { isSignedIn, useRefresh, type ResultOf } from '@/api';
import { ViewerProfile } from '@/features/profile/documents';

export type ViewerOfPage = NonNullable<ResultOf<typeof ViewerProfile>['viewer']>;

/** Null until it is loaded, and while signed out. Reloaded when the page becomes visible, until the address is verified. */
export function useViewer(): { viewer: ComputedRef<ViewerOfPage | null>; isOperator: ComputedRef<boolean>; refresh: () => void } {
  const query = useQuery({ query: ViewerProfile, variables: {}, pause: computed(() => !isSignedIn.value) });
  const viewer = computed(() => (isSignedIn.value ? (query.data.value?.viewer ?? null) : null));

  const read = useRefresh(query);
  function refresh(): void {
    if (isSignedIn.value) read();
  }
  function refreshOnReturn(): void {
    if (!document.hidden && viewer.value?.emailVerifiedAt === null) refresh();
  }
  onMounted(() => {
    document.addEventListener('visibilitychange', refreshOnReturn);
    window.addEventListener('focus', refreshOnReturn);
  });
  onBeforeUnmount(() => {
    document.removeEventListener('visibilitychange', refreshOnReturn);
    window.removeEventListener('focus', refreshOnReturn);
  });
  const isOperator = computed(() => viewer.value !== null && Boolean(query.data.value?.operator));
  return { viewer, isOperator, refresh };
}
