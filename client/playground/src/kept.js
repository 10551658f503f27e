/** Web Storage that never throws: where it is blocked, values are kept in memory as long as the page is open. */

/** `open` returns the storage, or throws if the browser blocks it. */
export function kept(open) {
  const memory = new Map();
  const attempt = (use) => {
    try {
      return use(open());
    } catch {
      return undefined;
    }
  };
  return {
    getItem: (key) => memory.get(key) ?? attempt((storage) => storage.getItem(key)) ?? null,
    setItem(key, value) {
      const isKept = attempt((storage) => {
        storage.setItem(key, value);
        return true;
      });
      if (isKept) memory.delete(key);
      else memory.set(key, String(value));
    },
    removeItem(key) {
      memory.delete(key);
      attempt((storage) => storage.removeItem(key));
    },
    clear() {
      memory.clear();
      attempt((storage) => storage.clear());
    },
    get length() {
      return (attempt((storage) => storage.length) ?? 0) + memory.size;
    },
  };
}

/** Storage of this window. */
export const ofWindow = kept(() => sessionStorage);
/** Storage shared by all windows of this browser. */
export const ofBrowser = kept(() => localStorage);
