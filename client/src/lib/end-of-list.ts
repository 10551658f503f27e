/** Long lists that load their next page before the user reaches the end. */

import { onScopeDispose, watch, type Ref } from 'vue';

/** Calls `load` while the element at the end of the list is near. */
export function useEndOfList(
  end: Readonly<Ref<HTMLElement | null>>,
  list: Readonly<Ref<unknown>>,
  load: () => void,
): void {
  const observer = new IntersectionObserver(
    (entries) => {
      if (entries.some(({ isIntersecting }) => isIntersecting)) load();
    },
    { rootMargin: '600px' },
  );
  // Observe again after each page: the end may still be visible.
  watch([end, list], ([element]) => {
    observer.disconnect();
    if (element) observer.observe(element);
  });
  onScopeDispose(() => {
    observer.disconnect();
  });
}
