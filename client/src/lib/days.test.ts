import { expect, it } from 'vitest';
import { byDay } from './days';

it('puts what happened under its day, newest first', () => {
  const at = (day: number, hour: number) => ({ createdAt: new Date(2026, 10, day, hour).toISOString() });
  const days = byDay([at(22, 9), at(22, 0), at(21, 23), at(19, 12)], new Date(2026, 10, 22, 10), 'en');
  expect(days.map(({ heading, items }) => [heading, items.length])).toEqual([
    ['Today', 2],
    ['Yesterday', 1],
    ['Thursday, November 19', 1],
  ]);
});
