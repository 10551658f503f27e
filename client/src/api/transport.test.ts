import { describe, expect, it } from 'vitest';
import { NoAnswer, RefusedByStatus, request } from './transport';

const asking = (answer: () => Promise<Response>, init: RequestInit = {}, timeoutMilliseconds = 1_000) =>
  request(answer as typeof fetch, '/graphql', init, timeoutMilliseconds);

const html = (status: number) => new Response('<h1>A proxy</h1>', { status, headers: { 'Content-Type': 'text/html' } });

describe('one request', () => {
  it.each([200, 400, 401, 503])('has the whole answer of the API, whatever its status: %d', async (status) => {
    const response = await asking(() => Promise.resolve(Response.json({ data: null }, { status })));
    expect(response.status).toBe(status);
    expect(await response.json()).toEqual({ data: null });
  });

  it.each([
    ['a network that is away', () => Promise.reject(new TypeError('Failed to fetch'))],
    ['a gateway without its service', () => Promise.resolve(html(502))],
    ['the sign-in page of a network', () => Promise.resolve(html(200))],
    [
      'a body that was cut off',
      () =>
        Promise.resolve(
          new Response(new ReadableStream({ start: (stream) => stream.error(new TypeError('reset')) }), {
            headers: { 'Content-Type': 'application/json' },
          }),
        ),
    ],
  ])('has no answer from %s', async (_name, answer) => {
    await expect(asking(answer)).rejects.toThrow(NoAnswer);
  });

  it('has no answer after its time', async () => {
    const silent = (_input: unknown, init?: RequestInit) =>
      new Promise<Response>((_resolve, reject) => {
        init?.signal?.addEventListener('abort', () => reject(new DOMException('Aborted.', 'AbortError')));
      });
    await expect(request(silent as typeof fetch, '/graphql', {}, 5)).rejects.toThrow(NoAnswer);
  });

  it('is refused by a status on the way', async () => {
    await expect(asking(() => Promise.resolve(html(403)))).rejects.toThrow(RefusedByStatus);
  });

  it('is not reported as unanswered when the caller aborted it', async () => {
    const aborted = AbortSignal.abort();
    const answer = () => Promise.reject(new DOMException('Aborted.', 'AbortError'));
    await expect(asking(answer, { signal: aborted })).rejects.not.toThrow(NoAnswer);
  });
});
