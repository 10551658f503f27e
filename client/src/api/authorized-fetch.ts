/** `fetch` for the API: signs each request, renews the token once it is refused, repeats reads that got no answer. */

import type { SessionKeeper } from './session-keeper';

export interface FetchParts {
  keeper: Pick<SessionKeeper, 'accessToken' | 'accessTokenAfter'>;
  fetch: typeof fetch;
  delay: (milliseconds: number) => Promise<void>;
}

const READ_PAUSES_MILLISECONDS = [300, 1_000];
const TIMEOUT_MILLISECONDS = 15_000;
/** What proxies answer while the service is away, and the service while its database is. */
const PASSING = new Set([502, 503, 504]);

/** Only reads are repeated here: what moves money decides for itself. */
export function createAuthorizedFetch(parts: FetchParts): typeof fetch {
  return async (input, init = {}) => {
    const pauses = isRead(init.body) ? READ_PAUSES_MILLISECONDS : [];
    for (let tries = 0; ; tries += 1) {
      const pause = pauses[tries];
      try {
        const response = await signed(parts, input, init);
        if (pause === undefined || !PASSING.has(response.status)) return response;
      } catch (error) {
        if (pause === undefined || init.signal?.aborted) throw error;
      }
      await parts.delay(pause);
    }
  };
}

async function signed(
  { keeper, fetch }: FetchParts,
  input: RequestInfo | URL,
  init: RequestInit,
): Promise<Response> {
  const token = await keeper.accessToken();
  const response = await fetch(input, withToken(init, token));
  if (response.status !== 401 || token === null) return response;
  const next = await keeper.accessTokenAfter(token);
  return next === null ? response : fetch(input, withToken(init, next));
}

function withToken(init: RequestInit, token: string | null): RequestInit {
  const headers = new Headers(init.headers);
  if (token) headers.set('Authorization', `Bearer ${token}`);
  const timeout = AbortSignal.timeout(TIMEOUT_MILLISECONDS);
  const signal = init.signal ? AbortSignal.any([init.signal, timeout]) : timeout;
  return { ...init, headers, signal, credentials: 'same-origin' };
}

function isRead(body: unknown): boolean {
  if (typeof body !== 'string') return false;
  try {
    const { query } = JSON.parse(body) as { query?: string };
    return /^\s*(query\b|\{)/.test(query ?? '');
  } catch {
    return false;
  }
}
