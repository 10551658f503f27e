import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { effectScope, ref, type EffectScope } from 'vue';
import { answerWith } from '@/api/testing';
import { useUserSearch } from './useUserSearch';

/** Questions in the order in which they were asked, to be answered in any order. */
let asked: { query: string; answer: (name: string) => Promise<void> }[];
let scope: EffectScope;

function answering(variables: Record<string, unknown>): Promise<Response> {
  return new Promise((resolve) => {
    asked.push({
      query: variables.query as string,
      answer: async (name) => {
        const nodes = [{ __typename: 'User', id: name, name, emailHint: '' }];
        resolve(Response.json({ data: { searchUsers: { __typename: 'UserConnection', nodes } } }));
        await vi.advanceTimersByTimeAsync(10);
      },
    });
  });
}

beforeEach(() => {
  vi.useFakeTimers();
  asked = [];
  scope = effectScope();
  answerWith(answering);
});
afterEach(() => {
  scope.stop();
  vi.useRealTimers();
});

function searching() {
  const query = ref('');
  const found = scope.run(() => useUserSearch(query, ref([])));
  if (!found) throw new Error('The scope is stopped.');
  const type = async (text: string, milliseconds = 250) => {
    query.value = text;
    await vi.advanceTimersByTimeAsync(milliseconds);
  };
  return { ...found, type, names: () => found.users.value.map(({ name }) => name) };
}

describe('searching for users', () => {
  it('does not ask at every letter', async () => {
    const { type } = searching();
    await type('b', 50);
    await type('be', 50);
    await type('ben');
    expect(asked.map(({ query }) => query)).toEqual(['ben']);
  });

  it('drops an answer that comes after that of a later question', async () => {
    const { type, names, isSearching } = searching();
    await type('be');
    await type('ben');
    await asked[1]?.answer('Ben');
    await asked[0]?.answer('Beth');
    expect(names()).toEqual(['Ben']);
    expect(isSearching.value).toBe(false);
  });

  it('does not show what was found for a text that was changed meanwhile', async () => {
    const { type, names } = searching();
    await type('ben');
    await asked[0]?.answer('Ben');
    await type('benj', 50);
    expect(names()).toEqual([]);
  });

  it('asks nothing once the text is gone', async () => {
    const { type, isSearching } = searching();
    await type('ben', 50);
    await type('  ');
    expect(asked).toEqual([]);
    expect(isSearching.value).toBe(false);
  });
});
