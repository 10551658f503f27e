import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { effectScope, ref, type EffectScope } from 'vue';
import { answerWith } from '@/api/testing';
import type { Transaction } from '@/realtime';
import { tellOf } from '@/realtime/listeners';
import { EVERYTHING, type ActivityFilter } from './filter';
import { useTransactions } from './useTransactions';

/** Pages that were asked for, to be answered in any order. */
let asked: { after: string | null; answer: (...sequences: number[]) => Promise<void> }[];
let scope: EffectScope;

const transaction = (sequence: number) =>
  ({ id: String(sequence), sequence, kind: 'TRANSFER', direction: 'INCOMING' }) as Transaction;

function answering(variables: Record<string, unknown>): Promise<Response> {
  return new Promise((resolve) => {
    asked.push({
      after: variables.after as string | null,
      answer: async (...sequences) => {
        const pageInfo = { hasNextPage: true, endCursor: String(sequences.at(-1)) };
        const transactions = { nodes: sequences.map(transaction), pageInfo };
        resolve(Response.json({ data: { viewer: { transactions } } }));
        await vi.waitFor(() => expect(shown()).toEqual(expect.arrayContaining(sequences)));
      },
    });
  });
}

let shown: () => number[];

function listing(change: Partial<ActivityFilter>) {
  const found = scope.run(() => useTransactions(ref({ ...EVERYTHING, ...change })));
  if (!found) throw new Error('The scope is stopped.');
  shown = () => found.transactions.value?.map(({ sequence }) => sequence) ?? [];
  return found;
}

const asking = (count: number) => vi.waitFor(() => expect(asked).toHaveLength(count));

beforeEach(() => {
  asked = [];
  scope = effectScope();
  answerWith(answering);
});
afterEach(() => {
  scope.stop();
});

describe('filtered transactions', () => {
  it('has a transaction that came while its first page was asked for', async () => {
    listing({ direction: 'INCOMING' });
    await asking(1);
    tellOf(transaction(3));
    await asked[0]?.answer(2);
    await asking(2);
    await asked[1]?.answer(3, 2);
    expect(shown()).toEqual([3, 2]);
  });

  it('has a transaction once that the page had already when it was told', async () => {
    listing({ direction: 'INCOMING' });
    await asking(1);
    await asked[0]?.answer(3, 2);
    tellOf(transaction(3));
    tellOf(transaction(4));
    expect(shown()).toEqual([4, 3, 2]);
  });

  it('keeps the pages that were read when only the service can tell whether a new transaction fits', async () => {
    const { loadMore } = listing({ text: 'lunch' });
    await asking(1);
    await asked[0]?.answer(5, 4);
    void loadMore();
    await asking(2);
    expect(asked[1]?.after).toBe('4');
    await asked[1]?.answer(2, 1);
    tellOf(transaction(6));
    await asking(3);
    await asked[2]?.answer(6, 5);
    expect(shown()).toEqual([6, 5, 4, 2, 1]);
  });

  it('leaves out a transaction that does not fit', async () => {
    listing({ direction: 'OUTGOING' });
    await asking(1);
    await asked[0]?.answer(2);
    tellOf(transaction(3));
    expect(shown()).toEqual([2]);
    expect(asked).toHaveLength(1);
  });
});
