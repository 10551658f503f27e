import { describe, expect, it, vi } from 'vitest';
import { CombinedError } from '@urql/core';
import { codeOf, failureOf, sentenceFor } from './errors';
import { NoAnswer, RefusedByStatus } from './transport';

const coded = (code: string, extensions: Record<string, unknown> = {}) =>
  new CombinedError({ graphQLErrors: [{ message: 'As the service says.', extensions: { code, ...extensions } }] });

describe('errors as sentences', () => {
  it.each([
    ['UNREACHABLE', new NoAnswer('HTTP 502'), 'isn’t responding'],
    ['REFUSED', new RefusedByStatus(403), 'refused this request (HTTP 403)'],
    ['BUG', new TypeError('undefined is not a function'), 'on this page'],
  ])('tells what is at fault: %s', (code, networkError, words) => {
    const error = new CombinedError({ networkError });
    expect(codeOf(error)).toBe(code);
    expect(sentenceFor(error)).toContain(words);
  });

  it('tells a device without a network from a service that does not answer', () => {
    vi.stubGlobal('navigator', { onLine: false });
    const error = failureOf(new NoAnswer('Failed to fetch'));
    expect(codeOf(error)).toBe('OFFLINE');
    expect(sentenceFor(error)).toContain('You’re offline');
    vi.unstubAllGlobals();
  });

  it.each([
    [1, '1 second'],
    [30.2, '31 seconds'],
    [120, '2 minutes'],
    [7_200, '2 hours'],
    [undefined, 'a moment'],
  ])('says how long to wait: %s', (retryAfterSeconds, words) => {
    expect(sentenceFor(coded('RATE_LIMITED', { retryAfterSeconds }))).toContain(`in ${words}.`);
  });

  it('shows the message of the service where it is meant for users', () => {
    expect(sentenceFor(coded('FORBIDDEN'))).toBe('As the service says.');
    expect(sentenceFor(coded('INTERNAL'))).toBe('As the service says.');
    expect(sentenceFor(coded('GRAPHQL_VALIDATION_FAILED'))).not.toContain('As the service');
  });
});
