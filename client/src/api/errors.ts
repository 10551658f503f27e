/** Messages for failures: they tell whether the network, the service, the browser or this page is at fault. */

import { CombinedError } from '@urql/core';
import { NoAnswer, RefusedByStatus } from './transport';

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
  /** This device has no network. */
  | 'OFFLINE'
  /** No response, or one that is not the API's. */
  | 'UNREACHABLE'
  /** Rejected with an HTTP status, without a response of the API. */
  | 'REFUSED'
  /** An error in this page. */
  | 'BUG';

type Failure = Pick<CombinedError, 'graphQLErrors' | 'networkError'>;

/** Converts anything thrown into what `codeOf` and `sentenceFor` take. */
export function failureOf(error: unknown): Failure {
  if (error instanceof CombinedError) return error;
  return { graphQLErrors: [], networkError: error instanceof Error ? error : new Error(String(error)) };
}

/** The kind of the failure. */
export function codeOf({ graphQLErrors, networkError }: Failure): ErrorCode {
  const first = graphQLErrors[0];
  if (first) return typeof first.extensions.code === 'string' ? (first.extensions.code as ErrorCode) : 'INTERNAL';
  if (networkError instanceof NoAnswer) return isOffline() ? 'OFFLINE' : 'UNREACHABLE';
  return networkError instanceof RefusedByStatus ? 'REFUSED' : 'BUG';
}

/** One or two sentences that say what happened and what to do. */
export function sentenceFor(error: Failure): string {
  const first = error.graphQLErrors[0];
  switch (codeOf(error)) {
    case 'OFFLINE':
      return 'You’re offline. Check your connection and try again.';
    case 'UNREACHABLE':
      return 'Mini Wallet isn’t responding. Check your connection and try again.';
    case 'UNAVAILABLE':
      return 'Mini Wallet is temporarily unavailable. Try again in a moment.';
    case 'REFUSED':
      return `${refusalOf(error)} If this keeps happening, contact the operator of this wallet.`;
    case 'UNAUTHENTICATED':
      return 'You’re signed out. Sign in and try again.';
    case 'RATE_LIMITED':
      return `Too many attempts. Try again in ${waitOf(first?.extensions.retryAfterSeconds)}.`;
    case 'FORBIDDEN':
    case 'BAD_USER_INPUT':
    case 'INTERNAL':
      return first?.message ?? 'Something went wrong on our side. Try again.';
    case 'BUG':
      return 'Something went wrong on this page. Reload it and try again.';
    default:
      return 'This page is out of date. Reload it and try again.';
  }
}

function refusalOf({ networkError }: Failure): string {
  const status = networkError instanceof RefusedByStatus ? ` (HTTP ${String(networkError.status)})` : '';
  return `The service refused this request${status}.`;
}

function isOffline(): boolean {
  return typeof navigator !== 'undefined' && navigator.onLine === false;
}

function waitOf(seconds: unknown): string {
  if (typeof seconds !== 'number' || seconds <= 0) return 'a moment';
  const rounded = Math.ceil(seconds);
  if (rounded < 90) return rounded === 1 ? '1 second' : `${String(rounded)} seconds`;
  const minutes = Math.ceil(rounded / 60);
  return minutes < 90 ? `${String(minutes)} minutes` : `${String(Math.ceil(minutes / 60))} hours`;
}
