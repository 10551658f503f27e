/** Errors of the API as sentences for a person, by their code. */

import type { CombinedError } from '@urql/core';

export type ErrorCode =
  | 'UNAUTHENTICATED'
  | 'FORBIDDEN'
  | 'RATE_LIMITED'
  | 'QUERY_TOO_EXPENSIVE'
  | 'GRAPHQL_PARSE_FAILED'
  | 'GRAPHQL_VALIDATION_FAILED'
  | 'BAD_USER_INPUT'
  | 'UNAVAILABLE'
  | 'INTERNAL'
  /** No answer came, or none of the API's. */
  | 'UNREACHABLE';

type Failure = Pick<CombinedError, 'graphQLErrors' | 'networkError'>;

/** What kind of failure this is. */
export function codeOf(error: Failure): ErrorCode {
  const code = error.graphQLErrors[0]?.extensions.code;
  return typeof code === 'string' ? (code as ErrorCode) : 'UNREACHABLE';
}

/** One or two sentences that say what happened and what to do. */
export function sentenceFor(error: Failure): string {
  const first = error.graphQLErrors[0];
  switch (codeOf(error)) {
    case 'UNREACHABLE':
      return 'We can’t reach Mini Wallet right now. Check your connection and try again.';
    case 'UNAVAILABLE':
      return 'Mini Wallet is taking a short break. Try again in a moment.';
    case 'UNAUTHENTICATED':
      return 'You’re signed out. Sign in and try again.';
    case 'RATE_LIMITED':
      return `That was a lot of tries. Try again in ${waitOf(first?.extensions.retryAfterSeconds)}.`;
    case 'FORBIDDEN':
    case 'BAD_USER_INPUT':
    case 'INTERNAL':
      return first?.message ?? 'Something went wrong on our side. Try again.';
    default:
      return 'This page and the service don’t understand each other. Reload the page.';
  }
}

function waitOf(seconds: unknown): string {
  if (typeof seconds !== 'number' || seconds <= 0) return 'a moment';
  const rounded = Math.ceil(seconds);
  if (rounded < 90) return rounded === 1 ? '1 second' : `${String(rounded)} seconds`;
  const minutes = Math.ceil(rounded / 60);
  return minutes < 90 ? `${String(minutes)} minutes` : `${String(Math.ceil(minutes / 60))} hours`;
}
