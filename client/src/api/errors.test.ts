import { describe, expect, it } from 'vitest';
import { CombinedError } from '@urql/core';
import { codeOf, sentenceFor } from './errors';

const coded = (code: string, extensions: Record<string, unknown> = {}) =>
  new CombinedError({ graphQLErrors: [{ message: 'As the service says.', extensions: { code, ...extensions } }] });

describe('errors as sentences', () => {
  it('tells a lost network from a refusal', () => {
    const error = new CombinedError({ networkError: new TypeError('Failed to fetch') });
    expect(codeOf(error)).toBe('UNREACHABLE');
    expect(sentenceFor(error)).toContain('connection');
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

  it('shows the service’s own words where they are meant for a person', () => {
    expect(sentenceFor(coded('FORBIDDEN'))).toBe('As the service says.');
    expect(sentenceFor(coded('INTERNAL'))).toBe('As the service says.');
    expect(sentenceFor(coded('GRAPHQL_VALIDATION_FAILED'))).not.toContain('As the service');
  });
});
