// @vitest-environment jsdom
import { afterEach, expect, test, vi } from 'vitest';
import { effectScope } from 'vue';
import { BrowserStorage, stored } from '@/lib/storage';

const sizes = ['small', 'large'] as const;
const keep = () => stored('size', sizes, 'small');

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
  localStorage.setItem('size', 'large');
  window.dispatchEvent(new StorageEvent('storage', { key: 'size', newValue: 'large' }));
  expect(size.value).toBe('large');
});

test('listening ends with the component that asked for it', () => {
  const scope = effectScope();
  const size = scope.run(keep);
  scope.stop();
  window.dispatchEvent(new StorageEvent('storage', { key: 'size', newValue: 'large' }));
  expect(size?.value).toBe('small');
});

test('what the browser does not keep lives as long as the page, and that is said', () => {
  const closed = new BrowserStorage(() => {
    throw new DOMException('Access is denied.', 'SecurityError');
  });
  expect(closed.isKept()).toBe(false);
  expect(closed.setItem('a', '1')).toBe(false);
  expect([closed.getItem('a'), closed.getItem('b'), closed.keys()]).toEqual(['1', null, ['a']]);
  closed.removeItem('a');
  expect(closed.keys()).toEqual([]);
});

test('what no longer fits is newer than what is kept', () => {
  let isFull = false;
  const items = new Map<string, string>();
  const full = new BrowserStorage(
    () =>
      ({
        getItem: (key: string) => items.get(key) ?? null,
        setItem: (key: string, value: string) => {
          if (isFull) throw new DOMException('Full.', 'QuotaExceededError');
          items.set(key, value);
        },
      }) as Storage,
  );
  expect(full.setItem('a', 'old')).toBe(true);
  isFull = true;
  expect(full.setItem('a', 'new')).toBe(false);
  expect(full.getItem('a')).toBe('new');
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
