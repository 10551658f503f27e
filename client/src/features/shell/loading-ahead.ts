/** Loads the files of pages before they are opened, so that they open at once, even offline. */
import type { Router } from 'vue-router';
import { savesData, whenIdle } from '@/lib/idle';
import { places } from './navigation';
import { isShown } from './places';

/** Pages opened from the lists of the main pages. */
const BELOW = ['/activity/any', '/requests/any', '/requests/any/pay', '/splits/any'];

/** The main pages, one after the other, once the browser has nothing else to do. */
export function loadMainPages(router: Router): void {
  if (savesData()) return;
  whenIdle(() => {
    void (async () => {
      for (const path of [...places.filter(isShown).map(({ to }) => to), ...BELOW]) await loadPage(router, path);
    })();
  });
}

/** The page of a link that the pointer or the focus is on. Returns how to stop that. */
export function loadAheadOfPointer(router: Router): () => void {
  const look = ({ target }: Event) => {
    const link = target instanceof Element ? target.closest<HTMLAnchorElement>('a[href^="/"]') : null;
    if (link && !savesData()) void loadPage(router, link.pathname);
  };
  for (const event of EVENTS) document.addEventListener(event, look, { passive: true });
  return () => {
    for (const event of EVENTS) document.removeEventListener(event, look);
  };
}

const EVENTS = ['pointerover', 'focusin', 'touchstart'] as const;

/** A failure is without consequences: the page is loaded again when it is opened. */
async function loadPage(router: Router, path: string): Promise<void> {
  for (const { components } of router.resolve(path).matched) {
    const component = components?.default;
    if (isLoader(component)) await component().catch(() => undefined);
  }
}

/** The router replaces the loader with the component when the page is opened. */
const isLoader = (component: unknown): component is () => Promise<unknown> => typeof component === 'function';
