import { expect, test } from 'vitest';
import { expiryOf, scopeWords } from '@/features/api-tokens/scopes';

test('scopes are said in words, in one order', () => {
  expect(scopeWords(['SEND_MONEY', 'READ_PROFILE'])).toBe('profile, send money');
});

test('a token ends that many days from now, or never', () => {
  expect(expiryOf('30', Date.UTC(2026, 0, 1))).toBe('2026-01-31T00:00:00.000Z');
  expect(expiryOf('')).toBeNull();
});
