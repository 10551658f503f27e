/** The session of this browser: who is signed in, in every tab alike. */

import { computed, readonly } from 'vue';
import { stringifyDocument } from '@urql/core';
import { graphql, type ResultOf } from './graphql';
import { SessionKeeper, type Renew } from './session-keeper';
import { createExclusively, type LeaseStorage, type Locks } from './tab-lock';
import { openTabChannel } from './tabs';

export type { Credentials, Session } from './session-keeper';

export const API_PATH = '/graphql';

const RefreshSession = graphql(`
  mutation RefreshSession {
    refreshSession(input: {}) {
      __typename
      ... on SignedIn {
        credentials {
          accessToken
          expiresAt
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

const renewByCookie: Renew = async () => {
  const response = await fetch(API_PATH, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
    body: JSON.stringify({ query: stringifyDocument(RefreshSession) }),
    credentials: 'same-origin',
    signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS),
  });
  const { data } = (await response.json()) as {
    data?: ResultOf<typeof RefreshSession> | null;
  };
  const result = data?.refreshSession;
  if (!result) throw new Error(`The session could not be renewed: HTTP ${String(response.status)}`);
  if (result.__typename !== 'SignedIn') return null;
  return { credentials: result.credentials, viewerId: result.viewer.id };
};

export const delay = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

function browserStorage(): LeaseStorage | null {
  try {
    return localStorage;
  } catch {
    return null;
  }
}

/** One at a time across the tabs of this browser. */
export const exclusively = createExclusively(
  // Absent on a plain http address that is not this machine's own.
  ((globalThis.navigator as { locks?: Locks } | undefined)?.locks ?? null),
  browserStorage(),
  delay,
);

export const keeper = new SessionKeeper({
  renew: renewByCookie,
  exclusively,
  tabs: openTabChannel(),
  now: Date.now,
});

export const session = readonly(keeper.session);
export const isSignedIn = computed(() => session.value.status === 'signed-in');

let asking: Promise<void> | null = null;

/** Resolves once it is known who is signed in; keeps asking while the service cannot be reached. */
export function sessionKnown(): Promise<void> {
  asking ??= (async () => {
    for (let tries = 0; keeper.session.value.status === 'unknown'; tries += 1) {
      try {
        await keeper.renew();
      } catch {
        await delay(Math.min(500 * 2 ** tries, 5_000));
      }
    }
  })().finally(() => {
    asking = null;
  });
  return asking;
}
