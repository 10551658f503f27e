import { expect, test } from 'vitest';
import { expiryOf, scopeWords, suggestedDailyLimit } from '@/features/api-tokens/scopes';

test('scopes are said in words, in one order', () => {
  expect(scopeWords(['SEND_MONEY', 'READ_PROFILE'])).toBe('profile, send money');
});

test('a limit is suggested that is an amount of the currency', () => {
  expect(suggestedDailyLimit('USD')).toBe('100');
  expect(suggestedDailyLimit('JPY')).toBe('10000');
});

test('a token ends that many days from now, or never', () => {
  expect(expiryOf('30', Date.UTC(2026, 0, 1))).toBe('2026-01-31T00:00:00.000Z');
  expect(expiryOf('')).toBeNull();
});
