// @vitest-environment jsdom
import { afterEach, expect, test, vi } from 'vitest';
import { useStored } from '@/lib/storage';

const sizes = ['small', 'large'] as const;
const keep = () => useStored('size', sizes, 'small');

afterEach(() => {
  vi.unstubAllGlobals();
  localStorage.clear();
});

test('a choice is found again', () => {
  keep().value = 'large';
  expect(keep().value).toBe('large');
});

test('what is not allowed reads as the fallback', () => {
  localStorage.setItem('size', 'enormous');
  expect(keep().value).toBe('small');
});

test('the other tabs follow', () => {
  const size = keep();
  window.dispatchEvent(new StorageEvent('storage', { key: 'size', newValue: 'large' }));
  expect(size.value).toBe('large');
});

test('it works for the page alone where storage is closed', () => {
  vi.stubGlobal('localStorage', {
    getItem: () => {
      throw new Error('closed');
    },
    setItem: () => {
      throw new Error('closed');
    },
    clear: () => undefined,
  });
  const size = keep();
  size.value = 'large';
  expect(size.value).toBe('large');
});
