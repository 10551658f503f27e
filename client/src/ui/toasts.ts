/** Short messages that come and go by themselves; `ToastHost` shows them and reads them out. */
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

/** Those of who is signed in; what was said to the user before is gone. */
export const toasts = computed(() => list().value);

/** Show a message; the oldest gives way when there are too many. Answers its id. */
export function showToast(message: Partial<Omit<Toast, 'id'>> & { title: string }): symbol {
  const toast: Toast = { tone: 'plain', seconds: 6, ...message, id: Symbol() };
  list().value = [...list().value, toast].slice(-MOST_AT_ONCE);
  return toast.id;
}

export function dismissToast(id: symbol): void {
  list().value = list().value.filter((toast) => toast.id !== id);
}
