/** Sends an action on an account, for forms. */

import type { AnyVariables, TypedDocumentNode } from '@urql/core';
import { uncached } from '@/api';
import { mutate } from '@/features/accounts/answers';
import { atFields } from '@/features/accounts/field-faults';
import type { Refusal } from '@/lib/form';

type Result = { __typename: 'OperatorActionDone' } | { __typename: string; message: string; fields?: { path: string[]; message: string }[] };

/** Null if it was done. */
export async function sendAction<Field extends string, Variables extends AnyVariables>(
  document: TypedDocumentNode<{ result: Result }, Variables>,
  variables: Variables,
  fields: readonly Field[],
): Promise<Refusal<Field> | null> {
  const { data, message } = await mutate(document, variables, uncached());
  if (!data) return { message };
  const { result } = data;
  if (!('message' in result)) return null;
  return result.fields ? atFields(result.fields, fields) : { message: result.message };
}
