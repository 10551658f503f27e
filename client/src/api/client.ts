/** The urql client: each user has their own, so that no cached data or response reaches another user. */

import { shallowRef, watch, type App } from 'vue';
import { Client, fetchExchange } from '@urql/core';
import urql from '@urql/vue';
import { perUser, userScope, UserScope } from '@/lib/user-scope';
import { createAuthorizedFetch } from './authorized-fetch';
import { walletCache } from './cache';
import { freshReads } from './fresh-reads';
import { API_PATH, delay, keeper } from './session';

const createClient = (scope: UserScope, cache = [walletCache()]) =>
  new Client({
    url: API_PATH,
    preferGetMethod: false,
    fetch: createAuthorizedFetch({ scope, keeper, fetch: (...request) => fetch(...request), delay }),
    exchanges: [...cache, freshReads, fetchExchange],
  });

/** For links and forms that need no sign-in: sends no token, and does not depend on who is signed in. */
export const visitor = createClient(new UserScope(null));

/** The client of the signed-in user. */
export const client = shallowRef(createClient(userScope()));

/** The same without a cache: what it reads is never shown from before, and nothing of it stays. */
export const uncached = perUser((scope) => createClient(scope, []));

watch(
  userScope,
  (scope) => {
    client.value = createClient(scope);
  },
  { flush: 'sync' },
);

/** Lets components use `useQuery` and `useMutation` of `@urql/vue`. */
export function installApi(app: App): void {
  app.use(urql, client);
}
