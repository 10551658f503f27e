/** `fetch` for the API on behalf of one user: with their token or not at all; retries queries without a response. */

import { SessionEnded, type UserScope } from '@/lib/user-scope';
import type { SessionKeeper } from './session-keeper';
import { NoAnswer, request } from './transport';

export interface FetchParts {
  /** Whose requests these are; without a user they carry no token. */
  scope: UserScope;
  keeper: Pick<SessionKeeper, 'accessToken' | 'accessTokenAfter'>;
  fetch: typeof fetch;
  delay: (milliseconds: number) => Promise<void>;
}

const READ_PAUSES_MILLISECONDS = [300, 1_000];
const TIMEOUT_MILLISECONDS = 15_000;
/** Statuses of proxies while the service is unavailable, and of the service while its database is. */
const PASSING = new Set([502, 503, 504]);

/**
 * Only queries are retried here; payments have their own rules. When the user's session ends, their requests are aborted
 * and never resolve, so that nothing that waits for one continues under the next user.
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
