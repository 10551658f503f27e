// @vitest-environment jsdom
import { beforeEach, expect, test } from 'vitest';
import { browserStorage } from '@/lib/storage';
import { forgetOthers, readLastKnown, wordsFor } from './last-known';

const at = new Date(2026, 10, 28, 14, 3).getTime();
const balance = { amount: '12.50', currency: 'USD' };
const put = (userId: string, value: unknown = { balance, at }) =>
  browserStorage.setItem(`mini-wallet.last-balance.${userId}`, JSON.stringify(value));
const read = (time = at) => readLastKnown(browserStorage, time);

beforeEach(() => localStorage.clear());

test('the balance of the only user is read, hidden where its user hides it', () => {
  expect(read()).toBeNull();
  put('alpha');
  expect(read()).toEqual({ balance, at, isHidden: false });
  browserStorage.setItem('mini-wallet.balance-shown.alpha', 'no');
  expect(read()?.isHidden).toBe(true);
});

test('nothing is read where it is not certain to be of the signed-in user, or too old, or broken', () => {
  put('alpha');
  expect(read(at + 31 * 86_400_000)).toBeNull();
  put('beta');
  expect(read()).toBeNull();
  forgetOthers('beta');
  for (const broken of [null, 7, {}, { balance }, { balance: { amount: 1, currency: 'USD' }, at }]) {
    put('beta', broken);
    expect(read()).toBeNull();
  }
});

test('only the signed-in user’s is kept, and none when nobody is', () => {
  put('alpha');
  put('beta');
  forgetOthers('alpha');
  expect(read()?.balance).toEqual(balance);
  forgetOthers(null);
  expect(read()).toBeNull();
});

test('the words say when it was seen', () => {
  expect(wordsFor(null)).toBe('Last known balance');
  expect(wordsFor({ balance, at: new Date(2024, 1, 29, 14, 3).getTime(), isHidden: false })).toMatch(/^Last known balance, .*2024/);
});
