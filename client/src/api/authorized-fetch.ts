/** `fetch` for the API on behalf of one user: with their token or not at all; repeats reads that got no answer. */

import { SessionEnded, type UserScope } from '@/lib/user-scope';
import type { SessionKeeper } from './session-keeper';
import { NoAnswer, request } from './transport';

export interface FetchParts {
  /** Whose requests these are; for nobody they carry no token. */
  scope: UserScope;
  keeper: Pick<SessionKeeper, 'accessToken' | 'accessTokenAfter'>;
  fetch: typeof fetch;
  delay: (milliseconds: number) => Promise<void>;
}

const READ_PAUSES_MILLISECONDS = [300, 1_000];
const TIMEOUT_MILLISECONDS = 15_000;
/** What proxies answer while the service is away, and the service while its database is. */
const PASSING = new Set([502, 503, 504]);

/**
 * Only reads are repeated here: what moves money decides for itself. A request that outlives its user's session
 * is aborted and never answered, so that nothing that waits for it goes on under the next user.
 */
export function createAuthorizedFetch(parts: FetchParts): typeof fetch {
  return (input, init = {}) => {
    const answer = repeated(parts, input, init);
    return parts.scope.userId === null ? answer : parts.scope.whileActive(answer);
  };
}

async function repeated(parts: FetchParts, input: RequestInfo | URL, init: RequestInit): Promise<Response> {
  const pauses = isRead(init.body) ? READ_PAUSES_MILLISECONDS : [];
  for (let tries = 0; ; tries += 1) {
    const pause = pauses[tries];
    try {
      const response = await signed(parts, input, init);
      if (pause === undefined || !PASSING.has(response.status)) return response;
    } catch (error) {
      if (pause === undefined || !(error instanceof NoAnswer)) throw error;
    }
    await parts.delay(pause);
  }
}

async function signed(parts: FetchParts, input: RequestInfo | URL, init: RequestInit): Promise<Response> {
  const { userId } = parts.scope;
  if (userId === null) return send(parts, input, init, null);
  const token = await parts.keeper.accessToken(userId);
  const response = await send(parts, input, init, token);
  if (response.status !== 401 || token === null) return response;
  const next = await parts.keeper.accessTokenAfter(token, userId);
  return next === null ? response : send(parts, input, init, next);
}

function send(parts: FetchParts, input: RequestInfo | URL, init: RequestInit, token: string | null): Promise<Response> {
  const { scope, fetch } = parts;
  if (scope.userId !== null && !scope.isActive) return Promise.reject(new SessionEnded());
  const headers = new Headers(init.headers);
  if (token) headers.set('Authorization', `Bearer ${token}`);
  const controller = new AbortController();
  const abort = () => controller.abort();
  if (scope.userId !== null) scope.onEnd(abort);
  if (init.signal?.aborted) abort();
  init.signal?.addEventListener('abort', abort);
  return request(fetch, input, { ...init, headers, signal: controller.signal }, TIMEOUT_MILLISECONDS).finally(() => {
    init.signal?.removeEventListener('abort', abort);
    scope.signal.removeEventListener('abort', abort);
  });
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
