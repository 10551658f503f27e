// @vitest-environment jsdom
import { expect, test } from 'vitest';
import { sentenceOfStatus } from './useDownload';

test('a link without a file says what to do', () => {
  expect(sentenceOfStatus(200)).toBe('');
  expect(sentenceOfStatus(410)).toContain('expired');
  expect(sentenceOfStatus(429)).toContain('in a minute');
  expect(sentenceOfStatus(403)).toContain('no longer valid');
  expect(sentenceOfStatus(503)).toContain('right now');
});
