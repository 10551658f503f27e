/** What this browser keeps across reloads: in Web Storage where that is open to this page, else in memory. */

import { getCurrentScope, onScopeDispose, ref, watch, type Ref } from 'vue';

/** Never throws: what the browser does not keep is kept in memory, for as long as the page lives. */
export class BrowserStorage {
  private readonly memory = new Map<string, string>();

  constructor(private readonly open: () => Storage) {}

  getItem(key: string): string | null {
    return this.memory.get(key) ?? this.attempt((storage) => storage.getItem(key)) ?? null;
  }

  /** Whether it outlives this page. */
  setItem(key: string, value: string): boolean {
    const isKept = this.attempt((storage) => {
      storage.setItem(key, value);
      return storage.getItem(key) === value;
    });
    if (isKept) this.memory.delete(key);
    else this.memory.set(key, value);
    return Boolean(isKept);
  }

  removeItem(key: string): void {
    this.memory.delete(key);
    this.attempt((storage) => storage.removeItem(key));
  }

  keys(): string[] {
    const kept = this.attempt((storage) =>
      Array.from({ length: storage.length }, (_, index) => storage.key(index)),
    );
    const names = (kept ?? []).filter((key) => key !== null);
    return [...new Set([...names, ...this.memory.keys()])];
  }

  /** Whether the browser keeps anything for this page at the moment. */
  isKept(): boolean {
    const isKept = this.setItem(PROBE, PROBE);
    this.removeItem(PROBE);
    return isKept;
  }

  private attempt<Result>(use: (storage: Storage) => Result): Result | undefined {
    try {
      return use(this.open());
    } catch {
      // Closed to this page, missing, or full.
      return undefined;
    }
  }
}

const PROBE = 'mini-wallet.probe';

export const browserStorage = new BrowserStorage(() => localStorage);

const listeners = new Set<(key: string | null) => void>();

/** Calls back when another tab changed something, with its key; null for everything. Returns how to stop that. */
export function onStored(listener: (key: string | null) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

if (typeof addEventListener === 'function') {
  addEventListener('storage', ({ key }: StorageEvent) => {
    for (const listener of [...listeners]) listener(key);
  });
}

/**
 * A choice kept in this browser and shared by its tabs; anything not allowed reads as the fallback.
 * A choice of one user has their id in its key.
 */
export function stored<Value extends string>(key: string, allowed: readonly Value[], fallback: Value): Ref<Value> {
  const read = () => allowed.find((value) => value === browserStorage.getItem(key)) ?? fallback;
  const value = ref(read()) as Ref<Value>;
  watch(value, (next) => void browserStorage.setItem(key, next), { flush: 'sync' });
  const stop = onStored((changed) => {
    if (changed === key || changed === null) value.value = read();
  });
  if (getCurrentScope()) onScopeDispose(stop);
  return value;
}
