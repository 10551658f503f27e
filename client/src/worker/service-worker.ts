/** Opens the client without a network. It keeps the client's files, and no data of any user. */
import { handlerFor, type Build } from './requests';

declare const self: ServiceWorkerGlobalScope;
/** Inserted by scripts/build-worker.mjs. */
declare const BUILD: Build;
const build = BUILD;

const PREFIX = 'mini-wallet.';
const SHELL = '/';
/** A page that takes longer is opened from what is kept: it then says itself that the service does not respond. */
const PATIENCE_MILLISECONDS = 5_000;
/** Instead of a gateway's page about an unreachable service. */
const GATEWAY_STATUSES = [502, 503, 504];

const handlingOf = handlerFor(build, self.location.origin);
const kept = () => caches.open(`${PREFIX}${build.version}`);

self.addEventListener('install', (event) => {
  event.waitUntil(install().then(() => self.skipWaiting()));
});
self.addEventListener('activate', (event) => {
  event.waitUntil(removeOldBuilds().then(() => self.clients.claim()));
});
self.addEventListener('message', (event) => {
  // A page asks which build is the newest.
  event.source?.postMessage({ entry: build.entry });
});
self.addEventListener('fetch', (event) => {
  switch (handlingOf(event.request)) {
    case 'page':
      return event.respondWith(newest(event.request, SHELL));
    case 'file':
      return event.respondWith(unchanging(event.request, event));
    case 'changing-file':
      return event.respondWith(newest(event.request, event.request.url));
    case 'none':
  }
});

async function install(): Promise<void> {
  const cache = await kept();
  const shell = await fetch(SHELL, { cache: 'no-cache' });
  // During a release, the page may be of another build than this worker: the browser tries again later.
  if (!shell.ok || !(await shell.clone().text()).includes(build.entry)) throw new Error('The page is of another build.');
  await cache.put(SHELL, shell);
  await cache.addAll([...build.first, ...build.changing]);
}

/** All but this build and the one before it, which may still be open in a tab. */
async function removeOldBuilds(): Promise<void> {
  const builds = (await caches.keys()).filter((name) => name.startsWith(PREFIX));
  const others = builds.filter((name) => name !== `${PREFIX}${build.version}`);
  await Promise.all(others.slice(0, -1).map((name) => caches.delete(name)));
}

async function newest(request: Request, key: string): Promise<Response> {
  const late = new Promise<null>((resolve) => setTimeout(() => resolve(null), PATIENCE_MILLISECONDS));
  const answer = fetch(request).then(
    (response) => (GATEWAY_STATUSES.includes(response.status) ? null : response),
    () => null,
  );
  const response = (await Promise.race([answer, late])) ?? (await find(key)) ?? (await answer);
  return response ?? fetch(request);
}

async function unchanging(request: Request, event: FetchEvent): Promise<Response> {
  const found = await find(request.url);
  if (found) return found;
  const response = await fetch(request);
  if (response.ok) {
    const copy = response.clone();
    event.waitUntil(kept().then((cache) => cache.put(request.url, copy)).catch(() => undefined));
  }
  return response;
}

/** In this build first, since each has a page of its own. */
async function find(key: string): Promise<Response | undefined> {
  // The service varies its answers by encoding only, which the browser has undone.
  const options = { ignoreVary: true };
  return (await (await kept()).match(key, options)) ?? (key === SHELL ? undefined : caches.match(key, options));
}
