import { effectScope } from 'vue';
import { expect, test } from 'vitest';
import { usePaged } from './paged';

const settle = () => new Promise((resolve) => setTimeout(resolve));

test('pages are appended, and all that is shown is read again', async () => {
  let all = Array.from({ length: 45 }, (_, index) => index);
  const asked: [number, string | null][] = [];
  let failure = '';
  const scope = effectScope();
  const list = scope.run(() =>
    usePaged<number>((first, after) => {
      asked.push([first, after]);
      const start = Number(after ?? 0);
      const pageInfo = { hasNextPage: start + first < all.length, endCursor: String(start + first) };
      return Promise.resolve(failure ? { failure } : { page: { nodes: all.slice(start, start + first), pageInfo } });
    }),
  );
  if (!list) throw new Error('The scope has ended.');
  await settle();
  expect(list.items.value).toHaveLength(20);
  await list.loadMore();
  await list.loadMore();
  expect(list.items.value).toEqual(all);
  expect(list.hasMore.value).toBeNull();

  all = all.map((each) => each * 2);
  failure = 'No network.';
  await list.refresh();
  expect(list.failure.value).toBe('No network.');
  expect(list.items.value).toHaveLength(45);
  failure = '';
  await list.refresh();
  expect(list.items.value).toEqual(all);
  expect(list.failure.value).toBe('');
  expect(asked.at(-1)).toEqual([45, null]);
  scope.stop();
});
