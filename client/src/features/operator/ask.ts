/** Asking the API as an operator: what it answers is not cached, and the session is confirmed first where that is needed. */

import type { AnyVariables, OperationResult, TypedDocumentNode } from '@urql/core';
import { onScopeDispose, shallowRef, watch } from 'vue';
import { sentenceFor, uncached } from '@/api';
import type { ReadPage } from '@/lib/paged';
import { perUser } from '@/lib/user-scope';
import { onRecovered } from '@/realtime';

export interface Failure {
  message: string;
  /** Why an operator may not read now: `CONFIRM_SESSION` or `ENABLE_SECOND_FACTOR`. */
  reason: string | null;
}

const changes = perUser((scope) => {
  const version = shallowRef(0);
  const note = () => {
    version.value += 1;
  };
  const lookAgain = () => {
    if (document.visibilityState === 'visible') note();
  };
  document.addEventListener('visibilitychange', lookAgain);
  scope.onEnd(() => document.removeEventListener('visibilitychange', lookAgain));
  return { version, note };
});

/** A number that changes after an action, and when the page is looked at again; reactive. */
export const officeVersion = (): number => changes().version.value;

/** Call it after an action: what is shown is read again. */
export function noteAction(): void {
  changes().note();
}

/** The last answer to those attempts: one that asks for a confirmed session is repeated as soon as it is. */
export async function confirmed<Result extends Pick<OperationResult, 'error'>>(attempt: () => Promise<Result>): Promise<Result> {
  for (;;) {
    const result = await attempt();
    if (reasonOf(result) !== 'CONFIRM_SESSION') return result;
    const { confirmSession } = await import('@/features/sessions/confirm-session');
    if ((await confirmSession()) !== 'confirmed') return result;
  }
}

function reasonOf({ error }: Pick<OperationResult, 'error'>): string | null {
  const reason = error?.graphQLErrors[0]?.extensions.reason;
  return typeof reason === 'string' ? reason : null;
}

export async function read<Data, Variables extends AnyVariables>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
): Promise<{ data: Data; failure: null } | { data: null; failure: Failure }> {
  const result = await confirmed(() => uncached().query(document, variables).toPromise());
  const { data, error } = result;
  if (data && !error) return { data, failure: null };
  return { data: null, failure: { message: error ? sentenceFor(error) : 'Something went wrong. Try again.', reason: reasonOf(result) } };
}

/** What the document answers, read again after actions unless it is read only once. */
export function useAnswer<Data, Variables extends AnyVariables>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  { isOnce = false } = {},
) {
  /** Null until the first answer. */
  const data = shallowRef<Data | null>(null);
  const failure = shallowRef<Failure | null>(null);
  const isLoading = shallowRef(false);
  /** Only the newest answer counts. */
  let turn = 0;

  async function refresh(): Promise<void> {
    const mine = ++turn;
    isLoading.value = true;
    const answer = await read(document, variables);
    if (mine !== turn) return;
    isLoading.value = false;
    failure.value = answer.failure;
    if (answer.data) data.value = answer.data;
  }
  onScopeDispose(() => (turn = -1));
  onScopeDispose(onRecovered(() => failure.value && void refresh()));
  if (!isOnce) watch(officeVersion, () => void refresh());
  void refresh();
  return { data, failure, isLoading, refresh };
}

/** For `usePaged`: the pages of a list, read with that document. */
export function pagesOf<Data, Variables extends AnyVariables, Item>(
  document: TypedDocumentNode<Data, Variables>,
  variables: (first: number, after: string | null) => Variables,
  pageIn: (data: Data) => Extract<Awaited<ReturnType<ReadPage<Item>>>, { page: unknown }>['page'] | undefined,
): ReadPage<Item> {
  return async (first, after) => {
    const { data, failure } = await read(document, variables(first, after));
    return failure ? { failure: failure.message } : { page: pageIn(data) ?? null };
  };
}
