import { Client, fetchExchange, gql } from '@urql/core';
import { expect, it } from 'vitest';
import { freshReads } from './fresh-reads';

const READ = gql`query Read { value }`;
const WRITE = gql`mutation Write { value }`;

/** A service that answers each query when the test says so, with the value at the time when the query arrived. */
function service() {
  let value = 1;
  const reads: { answer: () => void; isAborted: () => boolean }[] = [];
  const respond = (read: number) => Response.json({ data: { value: read } });
  const client = new Client({
    url: 'http://localhost/graphql',
    preferGetMethod: false,
    exchanges: [freshReads, fetchExchange],
    fetch: (_input, init) => {
      if (JSON.stringify(init?.body).includes('mutation')) return Promise.resolve(respond(++value));
      const seen = value;
      return new Promise((resolve) => {
        reads.push({ answer: () => resolve(respond(seen)), isAborted: () => init?.signal?.aborted ?? false });
      });
    },
  });
  return { client, reads };
}

const values = (result: { data?: unknown }) => result.data as { value: number };

it('sends a query again if it was under way when a mutation succeeded', async () => {
  const { client, reads } = service();
  const read = client.query(READ, {}).toPromise();
  await expect.poll(() => reads.length).toBe(1);
  await client.mutation(WRITE, {}).toPromise();
  await expect.poll(() => reads.length).toBe(2);
  expect(reads[0]?.isAborted()).toBe(true);
  reads.forEach(({ answer }) => answer());
  expect(values(await read)).toEqual({ value: 2 });
});

it('does not send a query again if it was answered or given up before the mutation', async () => {
  const { client, reads } = service();
  const read = client.query(READ, {}).toPromise();
  await expect.poll(() => reads.length).toBe(1);
  reads[0]?.answer();
  expect(values(await read)).toEqual({ value: 1 });
  const { unsubscribe } = client.query(READ, {}, { requestPolicy: 'network-only' }).subscribe(() => undefined);
  await expect.poll(() => reads.length).toBe(2);
  unsubscribe();
  await client.mutation(WRITE, {}).toPromise();
  const after = client.query(READ, {}).toPromise();
  await expect.poll(() => reads.length).toBe(3);
  reads[2]?.answer();
  expect(values(await after)).toEqual({ value: 2 });
});
