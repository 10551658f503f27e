/** The urql client: one for each person signed in, so that nothing of one is shown to another. */

import { shallowRef, watch, type App } from 'vue';
import { Client, fetchExchange } from '@urql/core';
import urql from '@urql/vue';
import { createAuthorizedFetch } from './authorized-fetch';
import { walletCache } from './cache';
import { API_PATH, delay, keeper, session } from './session';

const authorizedFetch = createAuthorizedFetch({
  keeper,
  fetch: (...request) => fetch(...request),
  delay,
});

const createClient = () =>
  new Client({
    url: API_PATH,
    preferGetMethod: false,
    fetch: authorizedFetch,
    exchanges: [walletCache(), fetchExchange],
  });

export const client = shallowRef(createClient());

watch(
  () => (session.value.status === 'signed-in' ? session.value.viewerId : null),
  () => {
    client.value = createClient();
  },
  { flush: 'sync' },
);

/** Lets components use `useQuery` and `useMutation` of `@urql/vue`. */
export function installApi(app: App): void {
  app.use(urql, client);
}
