/** Web Storage that never throws: what the browser does not keep is kept in memory, for as long as the page lives. */

/** `open` returns the storage; it throws where site data is blocked. */
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

/** Of this window alone. */
export const ofWindow = kept(() => sessionStorage);
/** Of every window of this browser. */
export const ofBrowser = kept(() => localStorage);
