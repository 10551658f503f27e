/**
 * Apollo's and urql's official clients with automatic persisted queries: each asks for QUERY by its hash
 * first and falls back to the document, by POST or (METHOD=GET) by GET.
 *
 * Environment: URL; METHOD; QUERY. Says `{"client", "data", "requests"}` for each, where `requests` is
 * how many it sent.
 */
import { createHash } from 'node:crypto';
import { ApolloClient, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { Client, fetchExchange } from '@urql/core';
import { persistedExchange } from '@urql/exchange-persisted';
import { required, say } from './lines.mjs';

const url = required('URL');
const query = required('QUERY');
const byGet = process.env.METHOD === 'GET';

function counting() {
  let requests = 0;
  const counted = (...request) => {
    requests += 1;
    return fetch(...request);
  };
  return [counted, () => requests];
}

const [apolloFetch, apolloRequests] = counting();
const apollo = new ApolloClient({
  cache: new InMemoryCache(),
  link: new PersistedQueryLink({
    sha256: (text) => createHash('sha256').update(text).digest('hex'),
    useGETForHashedQueries: byGet,
  }).concat(new HttpLink({ uri: url, fetch: apolloFetch })),
});
const { data } = await apollo.query({ query: gql(query) });
say({ client: 'apollo', data, requests: apolloRequests() });

const [urqlFetch, urqlRequests] = counting();
const urql = new Client({
  url,
  fetch: urqlFetch,
  exchanges: [
    persistedExchange({ preferGetForPersistedQueries: byGet ? 'force' : false }),
    fetchExchange,
  ],
});
const result = await urql.query(query, {}).toPromise();
say({ client: 'urql', data: result.data, requests: urqlRequests() });
process.exit(0);
