/** Mutations for forms. */
import type { AnyVariables, Client, TypedDocumentNode } from '@urql/core';
import { client, sentenceFor } from '@/api';
import { perUser } from '@/lib/user-scope';

/** The API requires the user to confirm the session first (ConfirmSessionDialog). */
export const CONFIRM_SESSION = 'CONFIRM_SESSION';

/** So long after a change, the service may still tell of it. */
const ECHO_MILLISECONDS = 5_000;
const changes = perUser(() => ({ pending: 0, lastAt: -Infinity }));

/** Whether this page has just changed something: what the service then tells of is no news to the user. */
export function hasJustChanged(): boolean {
  const { pending, lastAt } = changes();
  return pending > 0 || performance.now() - lastAt < ECHO_MILLISECONDS;
}

/** Returns either the data or a message why there is none, with the API's reason if there is one. */
export async function mutate<Data, Variables extends AnyVariables>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  by: Client = client.value,
): Promise<{ data: Data; message?: undefined; reason?: undefined } | { data: null; message: string; reason?: unknown }> {
  const own = changes();
  own.pending += 1;
  const { data, error } = await by.mutation(document, variables).toPromise();
  own.pending -= 1;
  own.lastAt = performance.now();
  if (data && !error) return { data };
  return {
    data: null,
    message: error ? sentenceFor(error) : 'Something went wrong. Try again.',
    reason: error?.graphQLErrors[0]?.extensions.reason,
  };
}
