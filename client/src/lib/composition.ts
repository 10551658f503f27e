/** Keeps the keys of an input method (such as Enter, which picks a candidate) from whatever else listens for keys. */

/**
 * Whether the key belongs to a composition. While one is under way browsers say so; Safari ends it before the
 * keydown that ended it, and then only the key code 229 tells.
 */
export function isOfComposition(event: KeyboardEvent): boolean {
  return event.isComposing || event.keyCode === 229;
}

/**
 * From now on no listener in the window hears of such keys, whichever component or library it is of.
 * The input method itself and the browser are not affected. To be called before anything else listens.
 */
export function keepKeysOfCompositions(target: Window): void {
  // The keyup of a key comes after the composition that its keydown ended.
  const kept = new Set<string>();
  target.addEventListener(
    'keydown',
    (event) => {
      if (!isOfComposition(event)) {
        kept.delete(event.code);
        return;
      }
      kept.add(event.code);
      event.stopImmediatePropagation();
    },
    { capture: true },
  );
  target.addEventListener(
    'keyup',
    (event) => {
      if (kept.delete(event.code) || isOfComposition(event)) event.stopImmediatePropagation();
    },
    { capture: true },
  );
}
