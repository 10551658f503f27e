import { Client, fetchExchange, gql } from '@urql/core';
import { useQuery } from '@urql/vue';
import { createApp, effectScope, ref } from 'vue';
import { expect, it, vi } from 'vitest';
import { useRefresh } from './refresh';

it('reads once more if it is called while the query is being read', async () => {
  const requests: ((value: number) => void)[] = [];
  const client = new Client({
    url: 'http://localhost/graphql',
    preferGetMethod: false,
    exchanges: [fetchExchange],
    fetch: () =>
      new Promise((resolve) => {
        requests.push((value) => resolve(Response.json({ data: { value } })));
      }),
  });
  const app = createApp({}).provide('$urql', ref(client));
  const scope = effectScope();
  const reading = scope.run(() =>
    app.runWithContext(() => {
      const query = useQuery<{ value: number }>({ query: gql`query Read { value }` });
      return { data: query.data, refresh: useRefresh(query) };
    }),
  );
  const refresh = () => reading?.refresh();
  await vi.waitFor(() => expect(requests).toHaveLength(1));
  refresh();
  refresh();
  requests[0]?.(1);
  await vi.waitFor(() => expect(requests).toHaveLength(2));
  requests[1]?.(2);
  await vi.waitFor(() => expect(reading?.data.value).toEqual({ value: 2 }));
  refresh();
  await vi.waitFor(() => expect(requests).toHaveLength(3));
  refresh();
  requests[2]?.(3);
  await vi.waitFor(() => expect(requests).toHaveLength(4));
  requests[3]?.(4);
  await vi.waitFor(() => expect(reading?.data.value).toEqual({ value: 4 }));
  scope.stop();
});
