/** A page of an older build may request files that no longer exist: a reload loads the newer build. */

const LOADED_ANEW_AT = 'loaded-anew-at';
const PAUSE_MILLISECONDS = 60_000;

/** Loads that path, or else the same again, and returns true, unless the device is offline or this was just tried. */
export function loadAnew(path?: string): boolean {
  try {
    const last = Number(sessionStorage.getItem(LOADED_ANEW_AT) ?? 0);
    if (!navigator.onLine || Math.abs(Date.now() - last) < PAUSE_MILLISECONDS) return false;
    sessionStorage.setItem(LOADED_ANEW_AT, String(Date.now()));
  } catch {
    // Without storage, repeated reloads could not be detected.
    return false;
  }
  if (path === undefined) window.location.reload();
  else window.location.assign(path);
  return true;
}
