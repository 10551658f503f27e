/** Short messages that come and go by themselves; `ToastHost` shows them and reads them out. */
import { computed, ref } from 'vue';
import type { RouteLocationRaw } from 'vue-router';

export type ToastTone = 'plain' | 'incoming' | 'danger';

export interface Toast {
  id: number;
  title: string;
  detail?: string;
  tone: ToastTone;
  /** Where a click leads. */
  to?: RouteLocationRaw;
  seconds: number;
}

const MOST_AT_ONCE = 3;
const list = ref<Toast[]>([]);
let lastId = 0;

export const toasts = computed(() => list.value);

/** Show a message; the oldest gives way when there are too many. Answers its id. */
export function showToast(message: Partial<Omit<Toast, 'id'>> & { title: string }): number {
  lastId += 1;
  list.value = [...list.value, { tone: 'plain', seconds: 6, ...message, id: lastId } satisfies Toast].slice(-MOST_AT_ONCE);
  return lastId;
}

export function dismissToast(id: number): void {
  list.value = list.value.filter((toast) => toast.id !== id);
}
