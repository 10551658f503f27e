/** The balance of the last 30 days, updated as it changes. */

import { useQuery } from '@urql/vue';
import { computed } from 'vue';
import { today } from '@/lib/clock';
import { wallet } from '@/realtime';
import { BalanceHistory } from './documents';
import type { Point } from './chart';

const DAYS = 30;
const DAY_MILLISECONDS = 86_400_000;
const MOST_LINES = 100;

export function useBalanceHistory() {
  const since = computed(() => today() - DAYS * DAY_MILLISECONDS);
  const { data } = useQuery({
    query: BalanceHistory,
    variables: () => ({ since: new Date(since.value).toISOString(), first: MOST_LINES }),
    requestPolicy: 'cache-and-network',
  });

  return computed(() => {
    const from = since.value;
    const viewer = data.value?.viewer;
    if (!viewer || !wallet.value) return null;
    const newest = viewer.transactions.nodes[0]?.sequence ?? 0;
    const later = wallet.value.transactions.filter(({ sequence }) => sequence > newest);
    const transactions = [...later, ...viewer.transactions.nodes]
      .filter(({ createdAt }) => Date.parse(createdAt) >= from)
      .reverse();
    const changes = transactions.map(({ createdAt, balanceAfter }) => ({
      time: Date.parse(createdAt),
      money: balanceAfter,
    }));
    // A recent wallet begins with its first transaction; values before the oldest loaded one are unknown.
    const isWhole = !viewer.transactions.pageInfo.hasNextPage && transactions[0]?.sequence !== 1;
    const all = isWhole ? [{ time: from, money: viewer.balanceAt }, ...changes] : changes;
    const points: Point[] = all.map(({ time, money }) => ({ time, value: Number(money.amount) }));
    const first = all[0];
    if (!first) return null;
    const byValue = [...all].sort((one, other) => Number(one.money.amount) - Number(other.money.amount));
    return {
      points,
      from: first.time,
      lowest: byValue[0]?.money ?? first.money,
      highest: byValue.at(-1)?.money ?? first.money,
    };
  });
}
