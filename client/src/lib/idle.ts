/** Work that may wait until the browser has nothing else to do, such as loading files that are needed later. */

const PAUSE_MILLISECONDS = 3_000;

/** Once the page has settled and the browser is idle, at the latest after twice the pause. */
export function whenIdle(work: () => void): void {
  setTimeout(() => {
    // Safari does not have it.
    if (typeof requestIdleCallback === 'function') requestIdleCallback(work, { timeout: PAUSE_MILLISECONDS });
    else work();
  }, PAUSE_MILLISECONDS);
}

/** Whether the user asked the browser to save data: nothing is loaded before it is needed. */
export function savesData(): boolean {
  const { connection } = navigator as { connection?: { saveData?: boolean } };
  return connection?.saveData === true;
}
