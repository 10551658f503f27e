import { Client, fetchExchange } from '@urql/core';
import { createApp, effectScope, ref } from 'vue';
import { expect, test, vi } from 'vitest';
import { useBalanceHistory } from './useBalanceHistory';

vi.mock('@/realtime', () => ({ wallet: { value: { transactions: [] } } }));

test('a wallet in which nothing moved for a month has stayed as it was', async () => {
  const balance = { amount: '12.50', currency: 'USD' };
  const viewer = { id: '1', balanceAt: balance, transactions: { nodes: [], pageInfo: { hasNextPage: false } } };
  const client = new Client({
    url: 'http://service.test/graphql',
    fetch: () => Promise.resolve(Response.json({ data: { viewer } })),
    preferGetMethod: false,
    exchanges: [fetchExchange],
  });
  const app = createApp({}).provide('$urql', ref(client));
  const scope = effectScope();
  const history = scope.run(() => app.runWithContext(() => useBalanceHistory()));
  await vi.waitFor(() => expect(history?.value?.points).toHaveLength(1));
  expect(history?.value).toMatchObject({ lowest: balance, highest: balance, points: [{ value: 12.5 }] });
  scope.stop();
});
