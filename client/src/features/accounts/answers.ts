/** Mutations for forms. */
import type { AnyVariables, Client, TypedDocumentNode } from '@urql/core';
import { client, sentenceFor } from '@/api';

/** The API requires the user to confirm the session first (ConfirmSessionDialog). */
export const CONFIRM_SESSION = 'CONFIRM_SESSION';

/** Returns either the data or a message why there is none, with the API's reason if there is one. */
export async function mutate<Data, Variables extends AnyVariables>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  by: Client = client.value,
): Promise<{ data: Data; message?: undefined; reason?: undefined } | { data: null; message: string; reason?: unknown }> {
  const { data, error } = await by.mutation(document, variables).toPromise();
  if (data && !error) return { data };
  return {
    data: null,
    message: error ? sentenceFor(error) : 'Something went wrong. Try again.',
    reason: error?.graphQLErrors[0]?.extensions.reason,
  };
}
