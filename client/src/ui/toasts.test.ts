import { expect, test } from 'vitest';
import { switchUser } from '@/lib/user-scope';
import { dismissToast, showToast, toasts } from '@/ui/toasts';

test('the oldest message gives way, and one that was dismissed is gone', () => {
  const [, , third] = ['one', 'two', 'three', 'four'].map((title) => showToast({ title }));
  expect(toasts.value.map((toast) => toast.title)).toEqual(['two', 'three', 'four']);
  if (third) dismissToast(third);
  expect(toasts.value.map((toast) => toast.title)).toEqual(['two', 'four']);
});

test('what was said to one user is not shown to the next', () => {
  switchUser('alpha');
  showToast({ title: 'for Alpha' });
  switchUser('beta');
  expect(toasts.value).toEqual([]);
  switchUser(null);
});
