/** What an answer says of the money. */

import { codeOf, sentenceFor } from '@/api/errors';
import type { Transaction } from '@/realtime';
import type { ConfirmationRequest } from './confirming';
import type { Answer } from './payment';

type Failure = Parameters<typeof codeOf>[0];
interface Result extends Partial<ConfirmationRequest> {
  __typename: string;
  message?: string;
  fields?: { path: string[]; message: string }[];
  transaction?: Transaction;
}

/** Codes of errors that come before anything is carried out. */
const TURNED_AWAY = new Set([
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'RATE_LIMITED',
  'QUERY_TOO_EXPENSIVE',
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'BAD_USER_INPUT',
]);

/** When in doubt it is 'lost'. */
export function meaningOf(result: Result | null | undefined, error: Failure | undefined): Answer {
  if (error && TURNED_AWAY.has(codeOf(error))) {
    const seconds = error.graphQLErrors[0]?.extensions.retryAfterSeconds;
    return {
      type: 'declined',
      message: sentenceFor(error),
      retryAfterSeconds: typeof seconds === 'number' ? seconds : null,
    };
  }
  if (error || !result) return { type: 'lost' };
  if (result.transaction) return { type: 'sent', transaction: result.transaction };
  const { challenge, methods, passkeyOptions } = result;
  if (challenge !== undefined && methods) return { type: 'to-confirm', required: { challenge, methods, passkeyOptions } };
  return {
    type: 'refused',
    refusal: {
      reason: result.__typename,
      message: result.message ?? 'That is not possible.',
      fields: result.fields ?? [],
    },
  };
}
