/** One request to the service: its whole answer, or what kept it from coming. */

import { noteServiceTime } from '@/lib/clock';

/** Nothing came, or something that is not the service's: it may or may not have been carried out. */
export class NoAnswer extends Error {
  constructor(readonly reason: string) {
    super(`The service did not answer: ${reason}`);
  }
}

/** Turned away on the way, by a proxy or the service's edge, without an answer of the API. */
export class RefusedByStatus extends Error {
  constructor(readonly status: number) {
    super(`The request was refused: HTTP ${String(status)}`);
  }
}

/** Sends it with this site's cookies. Throws `NoAnswer`, `RefusedByStatus`, or what aborted it. */
export async function request(
  fetch: typeof globalThis.fetch,
  input: RequestInfo | URL,
  init: RequestInit,
  timeoutMilliseconds: number,
): Promise<Response> {
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), timeoutMilliseconds);
  const abort = () => timeout.abort();
  if (init.signal?.aborted) abort();
  init.signal?.addEventListener('abort', abort);
  const sentAt = performance.now();
  let response: Response;
  let body: string;
  try {
    response = await fetch(input, { ...init, credentials: 'same-origin', signal: timeout.signal });
    body = await response.text();
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new NoAnswer(String(error));
  } finally {
    clearTimeout(timer);
    init.signal?.removeEventListener('abort', abort);
  }
  const { status, headers } = response;
  noteServiceTime(headers.get('Date'), sentAt);
  if (headers.get('Content-Type')?.includes('json')) return new Response(body, { status, headers });
  if (status >= 400 && status < 500) throw new RefusedByStatus(status);
  throw new NoAnswer(`HTTP ${String(status)}`);
}
