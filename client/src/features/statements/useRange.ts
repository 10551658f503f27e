/** The range of dates of a page: it is part of its address, so that Back and a reload find it again. */

import { computed, type ComputedRef } from 'vue';
import { useRoute, useRouter } from 'vue-router';
import { useViewer } from '@/features/profile/useViewer';
import { todayIn, type CalendarDate } from '@/lib/calendar';
import { rangeFrom, type DateRange, type QuickRange } from './ranges';

export interface ChosenRange {
  /** In the viewer's time zone; null until that is known. */
  today: ComputedRef<CalendarDate | null>;
  /** The chosen range, or the first one of the page; null until today is known. */
  range: ComputedRef<DateRange | null>;
  choose: (range: DateRange) => void;
}

export function useRange([first]: readonly QuickRange[]): ChosenRange {
  const route = useRoute();
  const router = useRouter();
  const { viewer } = useViewer();
  const today = computed(() => (viewer.value ? todayIn(viewer.value.timeZone) : null));
  const range = computed<DateRange | null>((before) => {
    if (today.value === null) return null;
    const found = rangeFrom(route.query) ?? first?.on(today.value) ?? null;
    return before && found && before.from === found.from && before.to === found.to ? before : found;
  });
  const choose = (next: DateRange) => void router.replace({ query: { ...next } });
  return { today, range, choose };
}
