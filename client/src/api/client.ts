/** The urql client: one for each user, with a cache and requests of its own, so that nothing of one reaches another. */

import { shallowRef, watch, type App } from 'vue';
import { Client, fetchExchange } from '@urql/core';
import urql from '@urql/vue';
import { userScope, UserScope } from '@/lib/user-scope';
import { createAuthorizedFetch } from './authorized-fetch';
import { walletCache } from './cache';
import { API_PATH, delay, keeper } from './session';

const createClient = (scope: UserScope) =>
  new Client({
    url: API_PATH,
    preferGetMethod: false,
    fetch: createAuthorizedFetch({ scope, keeper, fetch: (...request) => fetch(...request), delay }),
    exchanges: [walletCache(), fetchExchange],
  });

/** For what a link or a form of somebody who is not signed in does: without a token, and whoever signs in or out meanwhile. */
export const visitor = createClient(new UserScope(null));

/** That of who is signed in. */
export const client = shallowRef(createClient(userScope()));

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
