import { expect, test } from 'vitest';
import { pathWithin } from '@/lib/paths';

test('a path of this client is gone to', () => {
  expect(pathWithin('/send?to=1#x')).toBe('/send?to=1#x');
});

test.each(['https://evil.example', '//evil.example', '/\\evil.example', 'javascript:alert(1)', 'send', '', null, undefined, ['/a']])(
  '%j leads home',
  (next) => {
    expect(pathWithin(next)).toBe('/');
  },
);
