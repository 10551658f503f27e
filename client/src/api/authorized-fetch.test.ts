import { describe, expect, it, vi } from 'vitest';
import { UserScope } from '@/lib/user-scope';
import { createAuthorizedFetch } from './authorized-fetch';

const QUERY = JSON.stringify({ query: 'query Viewer { viewer { id } }' });
const MUTATION = JSON.stringify({ query: 'mutation Send { sendMoney { __typename } }' });

type Step = number | Error;

function fetching(steps: Step[], tokens: (string | null)[] = ['t1'], scope = new UserScope('alpha')) {
  const seen: (string | null)[] = [];
  const waits: number[] = [];
  const fetch = createAuthorizedFetch({
    scope,
    keeper: {
      accessToken: () => Promise.resolve(tokens[0] ?? null),
      accessTokenAfter: () => Promise.resolve(tokens[1] ?? null),
    },
    fetch: vi.fn((_input: unknown, init?: RequestInit) => {
      seen.push(new Headers(init?.headers).get('Authorization'));
      const step = steps.shift() ?? 200;
      return step instanceof Error
        ? Promise.reject(step)
        : Promise.resolve(Response.json({}, { status: step }));
    }) as typeof globalThis.fetch,
    delay: (milliseconds) => {
      waits.push(milliseconds);
      return Promise.resolve();
    },
  });
  return { fetch: (body: string) => fetch('/graphql', { method: 'POST', body }), seen, waits, scope };
}

describe('authorized fetch', () => {
  it('sends the token', async () => {
    const { fetch, seen } = fetching([200]);
    expect((await fetch(QUERY)).status).toBe(200);
    expect(seen).toEqual(['Bearer t1']);
  });

  it('sends none when signed out', async () => {
    const { fetch, seen } = fetching([401], ['t1'], new UserScope(null));
    expect((await fetch(QUERY)).status).toBe(401);
    expect(seen).toEqual([null]);
  });

  it('renews a refused token and repeats once', async () => {
    const { fetch, seen } = fetching([401, 200], ['t1', 't2']);
    expect((await fetch(MUTATION)).status).toBe(200);
    expect(seen).toEqual(['Bearer t1', 'Bearer t2']);
  });

  it('passes the refusal on once the session has ended', async () => {
    const { fetch, seen } = fetching([401], ['t1']);
    expect((await fetch(QUERY)).status).toBe(401);
    expect(seen).toHaveLength(1);
  });

  it('repeats a read that got no answer', async () => {
    const { fetch, seen, waits } = fetching([new TypeError('network'), 503, 200]);
    expect((await fetch(QUERY)).status).toBe(200);
    expect(seen).toHaveLength(3);
    expect(waits).toEqual([300, 1_000]);
  });

  it('gives a read up after three tries', async () => {
    const { fetch } = fetching([503, 503, new TypeError('network')]);
    await expect(fetch(QUERY)).rejects.toThrow('network');
  });

  it('never repeats a mutation by itself', async () => {
    const { fetch, seen } = fetching([new TypeError('network')]);
    await expect(fetch(MUTATION)).rejects.toThrow('network');
    expect(seen).toHaveLength(1);
  });

  it('is never answered once its user has left, and takes no token of the next one', async () => {
    const { fetch, seen, scope } = fetching([401, 200], ['t1', 't2']);
    const settled = vi.fn();
    fetch(MUTATION).then(settled, settled);
    scope.end();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(settled).not.toHaveBeenCalled();
    expect(seen.every((token) => token === 'Bearer t1')).toBe(true);
  });
});
