/** One request to the service: its complete response, or an error that says why there is none. */

import { noteServiceTime } from '@/lib/clock';

/** No response, or one that is not the API's: the request may or may not have been processed. */
export class NoAnswer extends Error {
  constructor(readonly reason: string) {
    super(`The service did not answer: ${reason}`);
  }
}

/** Rejected with an HTTP status by a proxy or the server, without a response of the API. */
export class RefusedByStatus extends Error {
  constructor(readonly status: number) {
    super(`The request was refused: HTTP ${String(status)}`);
  }
}

/** Sends it with this site's cookies. Throws `NoAnswer`, `RefusedByStatus`, or the reason of an abort. */
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
