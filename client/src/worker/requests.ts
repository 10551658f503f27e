/** Which requests the service worker answers: pages and files of the client. All others go to the network untouched. */

/** What the build knows of itself. */
export interface Build {
  /** Differs between any two builds. */
  version: string;
  /** The script of index.html, by which a page knows its own build. */
  entry: string;
  /** The paths of the client's router, such as "/activity/:id". */
  routes: readonly string[];
  /** The first load of "/", kept from the start. Their names contain a hash, so that they never change. */
  first: readonly string[];
  /** The other files with a hash in their names, kept once they have been loaded. */
  later: readonly string[];
  /** Files without a hash, of which the newest is wanted. */
  changing: readonly string[];
}

export type Handling =
  /** A page of the client: from the network, or the kept one. */
  | 'page'
  /** A file that never changes: the kept one, or from the network. */
  | 'file'
  /** A file that changes: from the network, or the kept one. */
  | 'changing-file'
  /** Not of the client, as the API, the reference and the playground are not. */
  | 'none';

export type Handler = (request: Pick<Request, 'method' | 'mode' | 'url'>) => Handling;

export function handlerFor(build: Build, origin: string): Handler {
  const pages = build.routes.map(
    (route) => new RegExp(`^${route.replace(/[.+*?^$()[\]{}|\\]/g, '\\$&').replace(/:\w+/g, '[^/]+')}$`),
  );
  const files = new Set([...build.first, ...build.later]);
  const changing = new Set(build.changing);
  return ({ method, mode, url }) => {
    const address = new URL(url);
    if (method !== 'GET' || address.origin !== origin) return 'none';
    const path = address.pathname;
    if (mode === 'navigate') return pages.some((page) => page.test(path)) ? 'page' : 'none';
    if (files.has(path)) return 'file';
    return changing.has(path) ? 'changing-file' : 'none';
  };
}
