/** Short messages that disappear by themselves; `ToastHost` shows them and announces them to screen readers. */
import { computed, shallowRef } from 'vue';
import type { RouteLocationRaw } from 'vue-router';
import { perUser } from '@/lib/user-scope';

export type ToastTone = 'plain' | 'incoming' | 'danger';

export interface Toast {
  id: symbol;
  title: string;
  detail?: string;
  tone: ToastTone;
  /** Where a click leads. */
  to?: RouteLocationRaw;
  seconds: number;
}

const MOST_AT_ONCE = 3;
const list = perUser(() => shallowRef<Toast[]>([]));

/** The toasts of the signed-in user. */
export const toasts = computed(() => list().value);

/** Shows a message and returns its id; the oldest one is dropped when there are too many. */
export function showToast(message: Partial<Omit<Toast, 'id'>> & { title: string }): symbol {
  const toast: Toast = { tone: 'plain', seconds: 6, ...message, id: Symbol() };
  list().value = [...list().value, toast].slice(-MOST_AT_ONCE);
  return toast.id;
}

export function dismissToast(id: symbol): void {
  list().value = list().value.filter((toast) => toast.id !== id);
}
