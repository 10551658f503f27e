// @vitest-environment jsdom
import { nextTick } from 'vue';
import { beforeEach, expect, test } from 'vitest';

beforeEach(() => {
  document.head.innerHTML =
    '<meta name="theme-color" media="(prefers-color-scheme: light)" content="#f5f6f8">' +
    '<meta name="theme-color" media="(prefers-color-scheme: dark)" content="#0c0e13">';
});

const colours = () => [...document.querySelectorAll<HTMLMetaElement>('meta')].map((meta) => meta.content);

test('a choice is shown at once and outlives the page; the system’s own is shown by choosing it', async () => {
  const { appearance } = await import('@/features/appearance/appearance');
  expect(document.documentElement.dataset.theme).toBeUndefined();

  appearance.value = 'dark';
  await nextTick();
  expect(document.documentElement.dataset.theme).toBe('dark');
  expect(colours()).toEqual(['#0c0e13', '#0c0e13']);
  expect(localStorage.getItem('appearance')).toBe('dark');

  appearance.value = 'system';
  await nextTick();
  expect(document.documentElement.dataset.theme).toBeUndefined();
  expect(colours()).toEqual(['#f5f6f8', '#0c0e13']);
});
