/** Addresses inside this client. */

/** The path to go on to, if it is one of ours; the home page for anything else. */
export function pathWithin(next: unknown): string {
  if (typeof next !== 'string' || !next.startsWith('/') || /^\/[/\\]/.test(next)) return '/';
  return next;
}
