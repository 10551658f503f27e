/** Declining and cancelling a request, and reminding its payer. */

import type { CombinedError } from '@urql/core';
import { client, sentenceFor } from '@/api';
import { noteRequestsChanged } from './changes';
import { CancelRequest, DeclineRequest, RemindPayer } from './documents';

/** Returns null, or a message why it failed. */
export async function decline(id: string): Promise<string | null> {
  const { data, error } = await client.value.mutation(DeclineRequest, { id }).toPromise();
  return settled(data?.declineRequest, error);
}

/** Likewise. */
export async function cancel(id: string): Promise<string | null> {
  const { data, error } = await client.value.mutation(CancelRequest, { id }).toPromise();
  return settled(data?.cancelRequest, error);
}

/** Likewise. */
export async function remind(id: string): Promise<string | null> {
  const { data, error } = await client.value.mutation(RemindPayer, { id }).toPromise();
  return settled(data?.remindPayer, error);
}

type Result = { __typename: 'PaymentRequestClosed' | 'PayerReminded' } | { __typename: string; message: string };

function settled(result: Result | undefined, error: CombinedError | undefined): string | null {
  // Also where it was closed in another way: the page then shows how.
  noteRequestsChanged();
  if (error || !result) return error ? sentenceFor(error) : 'Something went wrong. Try again.';
  return 'message' in result ? result.message : null;
}
