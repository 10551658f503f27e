/** The session of this browser, shared by all tabs. */

import { computed, readonly, shallowRef, watch } from 'vue';
import { CombinedError, stringifyDocument } from '@urql/core';
import { serviceTime } from '@/lib/clock';
import { switchUser } from '@/lib/user-scope';
import { graphql, type ResultOf } from './graphql';
import { SessionKeeper, type Renew } from './session-keeper';
import { createExclusively } from './tab-lock';
import { openTabChannel } from './tabs';
import { request } from './transport';

export type { Credentials, Session } from './session-keeper';

export const API_PATH = '/graphql';

const RefreshSession = graphql(`
  mutation RefreshSession($refreshToken: String) {
    refreshSession(input: { refreshToken: $refreshToken }) {
      __typename
      ... on SignedIn {
        credentials {
          accessToken
          expiresAt
          refreshToken
        }
        viewer {
          id
        }
      }
      ... on UserError {
        message
      }
    }
  }
`);

const TIMEOUT_MILLISECONDS = 10_000;

const renew: Renew = async (refreshToken) => {
  const init = {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
    body: JSON.stringify({ query: stringifyDocument(RefreshSession), variables: { refreshToken } }),
  };
  const response = await request((...parts) => fetch(...parts), API_PATH, init, TIMEOUT_MILLISECONDS);
  const { data, errors } = (await response.json()) as {
    data?: ResultOf<typeof RefreshSession> | null;
    errors?: CombinedError['graphQLErrors'];
  };
  const result = data?.refreshSession;
  if (!result) throw new CombinedError({ graphQLErrors: errors ?? [{ message: 'The answer is empty.' }], response });
  if (result.__typename !== 'SignedIn') return null;
  return { credentials: result.credentials, viewerId: result.viewer.id };
};

export const delay = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Runs work in one tab of this browser at a time. */
export const exclusively = createExclusively(
  () => navigator.locks,
  () => localStorage,
  delay,
);

export const keeper = new SessionKeeper({ renew, exclusively, tabs: openTabChannel(), now: serviceTime });

export const session = readonly(keeper.session);
export const isSignedIn = computed(() => session.value.status === 'signed-in');
export const viewerId = computed(() => keeper.viewerId);

watch(viewerId, switchUser, { flush: 'sync' });

/** Why the last attempt to find out who is signed in failed. */
export const startFailure = shallowRef<unknown>(null);

let asking: Promise<void> | null = null;

/** Resolves once it is known who is signed in; retries while the service cannot be reached. */
export function sessionKnown(): Promise<void> {
  asking ??= (async () => {
    for (let tries = 0; keeper.session.value.status === 'unknown'; tries += 1) {
      try {
        await keeper.renew();
        startFailure.value = null;
      } catch (error) {
        startFailure.value = error;
        await delay(Math.min(500 * 2 ** tries, 5_000));
      }
    }
  })().finally(() => {
    asking = null;
  });
  return asking;
}

/**
 * Drops the user's state when the browser puts the page into its back/forward cache: another user may be signed in
 * when it is shown again. Call it once in main.ts.
 */
export function forgetWhilePageIsKept(): void {
  addEventListener('pagehide', ({ persisted }) => {
    if (persisted) keeper.suspend();
  });
  addEventListener('pageshow', ({ persisted }) => {
    if (persisted) void sessionKnown();
  });
}
