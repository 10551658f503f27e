/** What this browser remembers about appearance and comfort; never anything secret. */
import { ref, watch, type Ref } from 'vue';

function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function write(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Storage is closed or full: the choice lives as long as the page.
  }
}

/** A choice kept in this browser and shared by its tabs; anything not allowed reads as the fallback. */
export function useStored<Value extends string>(key: string, allowed: readonly Value[], fallback: Value): Ref<Value> {
  const valid = (text: string | null): Value => allowed.find((value) => value === text) ?? fallback;
  const value = ref(valid(read(key))) as Ref<Value>;
  watch(value, (next) => {
    write(key, next);
  }, { flush: 'sync' });
  if (typeof window !== 'undefined') {
    window.addEventListener('storage', (event) => {
      if (event.key === key) value.value = valid(event.newValue);
    });
  }
  return value;
}
