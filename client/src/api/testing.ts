import { Client, fetchExchange } from '@urql/core';
import { client } from './client';

/** For tests: replaces the client by one without a cache whose requests go to `answer` with their variables. */
export function answerWith(answer: (variables: Record<string, unknown>) => Promise<Response>): void {
  client.value = new Client({
    url: 'http://service.test/graphql',
    fetch: (_input, init) =>
      answer((JSON.parse(String(init?.body)) as { variables: Record<string, unknown> }).variables),
    preferGetMethod: false,
    exchanges: [fetchExchange],
  });
}
