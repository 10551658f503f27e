import { expect, it } from 'vitest';
import type { Attempt } from './documents';
import { joined } from './useAttempts';

const attempt = (number: number, more: object = {}) =>
  ({ eventId: `evt_${String(number)}`, number, attempt: 1, sentAt: 'then', ...more }) as Attempt;
const list = (cursor: string | null, ...numbers: number[]) => ({ attempts: numbers.map((number) => attempt(number)), cursor });
const numbers = ({ attempts }: { attempts: Attempt[] }) => attempts.map(({ number }) => number);

it('joins the newest attempts with those that were loaded before', () => {
  const now = joined(list('b', 6, 5, 4), list('a', 5, 4, 3, 2));
  expect(numbers(now)).toEqual([6, 5, 4, 3, 2]);
  expect(now.cursor).toBe('a');
});

it('begins again where there is a gap, and takes what is newer of the same attempt', () => {
  expect(numbers(joined(list('b', 9, 8), list('a', 5, 4)))).toEqual([9, 8]);
  const before = { attempts: [attempt(5, { nextAttemptAt: 'soon' })], cursor: null };
  expect(joined(list(null, 6, 5), before).attempts[1]?.nextAttemptAt).toBeUndefined();
});
