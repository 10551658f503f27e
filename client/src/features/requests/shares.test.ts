import { expect, it } from 'vitest';
import { equalShares, inEqualShares, restOf } from './shares';

const dollars = (amount: string) => ({ amount, currency: 'USD' });

it('add up to the total, and differ by one unit at most', () => {
  for (const total of [0n, 1n, 7n, 100n, 1001n, 9_007_199_254_740_993n]) {
    for (let people = 1; people <= 21; people += 1) {
      const shares = equalShares(total, people);
      expect(shares.reduce((sum, share) => sum + share, 0n)).toBe(total);
      expect((shares[0] ?? 0n) - (shares.at(-1) ?? 0n)).toBeLessThanOrEqual(1n);
      expect([...shares].sort((one, other) => Number(other - one))).toEqual(shares);
    }
  }
});

it('leave the smallest to the user', () => {
  const { own, others } = inEqualShares(dollars('10.00'), 2, true);
  expect(others).toEqual([dollars('3.34'), dollars('3.33')]);
  expect(own).toEqual(dollars('3.33'));
  expect(inEqualShares({ amount: '10', currency: 'JPY' }, 3, false)).toEqual({
    own: null,
    others: ['4', '3', '3'].map((amount) => ({ amount, currency: 'JPY' })),
  });
});

it('leave the rest to the user where others have amounts of their own', () => {
  expect(restOf(dollars('10.00'), ['2.50', '4.00'])).toBe(350n);
  expect(restOf(dollars('10.00'), ['12.00'])).toBe(-200n);
});
