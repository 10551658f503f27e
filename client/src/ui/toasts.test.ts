import { expect, test } from 'vitest';
import { dismissToast, showToast, toasts } from '@/ui/toasts';

test('the oldest message gives way, and one that was dismissed is gone', () => {
  const ids = ['one', 'two', 'three', 'four'].map((title) => showToast({ title }));
  expect(toasts.value.map((toast) => toast.title)).toEqual(['two', 'three', 'four']);
  dismissToast(ids[2] ?? 0);
  expect(toasts.value.map((toast) => toast.title)).toEqual(['two', 'four']);
});
