import { expect, it } from 'vitest';
import { isOfReopening, sizeInWords } from './words';

it.each([
  [0, '0 bytes'],
  [999, '999 bytes'],
  [12_345, '12 kB'],
  [999_600, '1 MB'],
  [1_250_000, '1.3 MB'],
  [512 * 1024 * 1024, '537 MB'],
])('%d bytes are %s', (bytes, words) => {
  expect(sizeInWords(bytes)).toBe(words);
});

it('knows the notification of a reopened account', () => {
  expect(isOfReopening({ kind: 'SECURITY_CHANGED', message: 'Your account was reopened by a sign-in with your password.' })).toBe(true);
  expect(isOfReopening({ kind: 'SECURITY_CHANGED', message: 'Your password was changed.' })).toBe(false);
});
