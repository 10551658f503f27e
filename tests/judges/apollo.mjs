/**
 * Apollo's official client as a listener to walletEvents over its multipart subscription protocol.
 *
 * Environment: URL (http://… or https://…); TOKEN; AFTER, COUNT, QUERY (operation.mjs). Says
 * `{"accept": …}` for each request, then what operation.mjs says.
 */
import { ApolloClient, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { bearers, required, say } from './lines.mjs';
import { listener, operation } from './operation.mjs';

const authorization = bearers();
const client = new ApolloClient({
  cache: new InMemoryCache(),
  link: new HttpLink({
    uri: required('URL'),
    fetch: (url, options) => {
      say({ accept: options.headers.accept });
      return fetch(url, { ...options, headers: { ...options.headers, ...authorization() } });
    },
  }),
});

const payload = operation();
const told = listener(payload, () => client.stop());
client.subscribe({ query: gql(payload.query), variables: payload.variables }).subscribe({
  next: ({ data, error }) => {
    if (error) told.next({ errors: error.errors ?? [{ message: error.message }] });
    else told.next({ data });
  },
  error: (error) => told.error(error),
  complete: () => told.complete(),
});
