/** The width of an element, for drawings that are laid out in pixels. */

import { onScopeDispose, ref, watch, type Ref } from 'vue';

/** In CSS pixels; 0 until it is known. */
export function useWidth(element: Readonly<Ref<HTMLElement | null>>): Readonly<Ref<number>> {
  const width = ref(0);
  const observer = new ResizeObserver(([entry]) => {
    if (entry) width.value = Math.round(entry.contentRect.width);
  });
  watch(element, (mounted) => {
    observer.disconnect();
    if (mounted) observer.observe(mounted);
  });
  onScopeDispose(() => {
    observer.disconnect();
  });
  return width;
}
