/** Mutations as a form sends them. */
import type { AnyVariables, TypedDocumentNode } from '@urql/core';
import { client, sentenceFor } from '@/api';

/** Sends it and answers either what came back or a sentence why nothing did. */
export async function mutate<Data, Variables extends AnyVariables>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
): Promise<{ data: Data; message?: undefined } | { data: null; message: string }> {
  const { data, error } = await client.value.mutation(document, variables).toPromise();
  if (data && !error) return { data };
  return { data: null, message: error ? sentenceFor(error) : 'Something went wrong. Try again.' };
}
