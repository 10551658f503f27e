/** Mutations for forms. */
import type { AnyVariables, Client, TypedDocumentNode } from '@urql/core';
import { client, sentenceFor } from '@/api';
import { perUser } from '@/lib/user-scope';

/** The reason of a refusal with which the API asks for a confirmed session. */
export const CONFIRM_SESSION = 'CONFIRM_SESSION';

/** So long after a change, the service may still tell of it. */
const ECHO_MILLISECONDS = 5_000;
const changes = perUser(() => ({ pending: 0, lastAt: -Infinity }));

/** Whether this page has just changed something: what the service then tells of is no news to the user. */
export function hasJustChanged(): boolean {
  const { pending, lastAt } = changes();
  return pending > 0 || performance.now() - lastAt < ECHO_MILLISECONDS;
}

type Outcome<Data> = { data: Data; message?: undefined } | { data: null; /** Why there is none; empty if the user does not want it any more. */ message: string };

/** Carries it out. If the API asks for it, the user first confirms that it is them, in a dialog. */
export async function mutate<Data, Variables extends AnyVariables>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  by: Client = client.value,
): Promise<Outcome<Data>> {
  const own = changes();
  own.pending += 1;
  try {
    for (;;) {
      const { data, error } = await by.mutation(document, variables).toPromise();
      if (data && !error) return { data };
      if (error?.graphQLErrors[0]?.extensions.reason !== CONFIRM_SESSION) {
        return { data: null, message: error ? sentenceFor(error) : 'Something went wrong. Try again.' };
      }
      const { confirmSession } = await import('@/features/sessions/confirm-session');
      const confirmation = await confirmSession();
      if (confirmation === 'cancelled') return { data: null, message: '' };
      if (confirmation !== 'confirmed') return { data: null, ...confirmation };
    }
  } finally {
    own.pending -= 1;
    own.lastAt = performance.now();
  }
}
