/** A page of an older build asks for files that are gone: loading it anew brings the newer build. */

const LOADED_ANEW_AT = 'loaded-anew-at';
const PAUSE_MILLISECONDS = 60_000;

/** Loads that path anew, and answers whether it does: not without a network, and not twice in a row. */
export function loadAnew(path: string): boolean {
  try {
    const last = Number(sessionStorage.getItem(LOADED_ANEW_AT) ?? 0);
    if (!navigator.onLine || Math.abs(Date.now() - last) < PAUSE_MILLISECONDS) return false;
    sessionStorage.setItem(LOADED_ANEW_AT, String(Date.now()));
  } catch {
    // Without storage there is no telling how often it was done.
    return false;
  }
  window.location.assign(path);
  return true;
}
