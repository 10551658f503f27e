/** The person who is signed in, as every page may show them. */
import { useQuery } from '@urql/vue';
import { computed, onBeforeUnmount, onMounted, type ComputedRef } from 'vue';
import { isSignedIn, type ResultOf } from '@/api';
import { ViewerProfile } from '@/features/profile/documents';

export type ViewerOfPage = NonNullable<ResultOf<typeof ViewerProfile>['viewer']>;

/** Null until it is known, and while nobody is signed in. Verification elsewhere is noticed on coming back. */
export function useViewer(): { viewer: ComputedRef<ViewerOfPage | null>; refresh: () => void } {
  const query = useQuery({ query: ViewerProfile, variables: {}, pause: computed(() => !isSignedIn.value) });
  const viewer = computed(() => (isSignedIn.value ? (query.data.value?.viewer ?? null) : null));

  function refresh(): void {
    if (isSignedIn.value) void query.executeQuery({ requestPolicy: 'network-only' });
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
  return { viewer, refresh };
}
