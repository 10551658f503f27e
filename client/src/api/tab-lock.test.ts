import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createExclusively, type LeaseStorage } from './tab-lock';

function memory(): LeaseStorage {
  const items = new Map<string, string>();
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
  };
}

const closed = () => {
  throw new DOMException('Access is denied.', 'SecurityError');
};
const delay = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

describe('one at a time without Web Locks', () => {
  it('holds for two tabs that share a storage', async () => {
    const storage = memory();
    const log: string[] = [];
    const tabs = ['first', 'second'].map((name) => ({
      name,
      exclusively: createExclusively(() => null, () => storage, delay),
    }));
    const done = Promise.all(
      tabs.map(({ name, exclusively }) =>
        exclusively('refresh', async () => {
          log.push(`${name} begins`);
          await delay(15_000);
          log.push(`${name} ends`);
        }),
      ),
    );
    await vi.advanceTimersByTimeAsync(60_000);
    await done;
    expect(log).toHaveLength(4);
    expect(log[0]?.split(' ')[0]).toBe(log[1]?.split(' ')[0]);
    expect(log[2]?.split(' ')[0]).toBe(log[3]?.split(' ')[0]);
  });

  it('does not wait for ever for a tab that was closed', async () => {
    const storage = memory();
    storage.setItem('mini-wallet.lock.refresh', `${String(Date.now() + 9_000)} gone`);
    const result = createExclusively(() => null, () => storage, delay)('refresh', () => Promise.resolve('mine'));
    await vi.advanceTimersByTimeAsync(12_000);
    expect(await result).toBe('mine');
  });

  it('goes on after work that failed', async () => {
    const exclusively = createExclusively(closed, closed, delay);
    const failed = exclusively('refresh', () => Promise.reject(new Error('no')));
    const next = exclusively('refresh', () => Promise.resolve('yes'));
    await expect(failed).rejects.toThrow('no');
    expect(await next).toBe('yes');
  });

  it('goes on where locks refuse to be taken', async () => {
    const request = () => Promise.reject(new DOMException('Access is denied.', 'SecurityError'));
    const exclusively = createExclusively(() => ({ request }), closed, delay);
    expect(await exclusively('refresh', () => Promise.resolve('yes'))).toBe('yes');
  });

  it('does the work once where it fails under a lock', async () => {
    const locks = { request: <Result>(_name: string, work: () => Promise<Result>) => work() };
    const work = vi.fn(() => Promise.reject(new Error('no')));
    await expect(createExclusively(() => locks, closed, delay)('refresh', work)).rejects.toThrow('no');
    expect(work).toHaveBeenCalledOnce();
  });

  it('does not wait for a lease of before the clock was set back', async () => {
    const storage = memory();
    storage.setItem('mini-wallet.lock.refresh', `${String(Date.now() + 86_400_000)} gone`);
    const result = createExclusively(() => null, () => storage, delay)('refresh', () => Promise.resolve('mine'));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await result).toBe('mine');
  });
});
