import { expect, test } from 'vitest';
import { judgePassword } from '@/lib/passwords';

const common = new Set(['password1', 'iloveyou123']);
const level = (password: string) => judgePassword(password, common).level;

test('what the service refuses is refused: too short, too long, common in any case, one sign alone', () => {
  expect(level('1234567')).toBe('refused');
  expect(level('x1'.repeat(65))).toBe('refused');
  expect(level('PassWord1')).toBe('refused');
  expect(level('ｐassword1')).toBe('refused');
  expect(level('zzzzzzzzzzzzzzzz')).toBe('refused');
});

test('what the service accepts is accepted, whatever it is made of', () => {
  expect(level('kqzvbwxj')).toBe('fair');
  expect(level('x1'.repeat(64))).not.toBe('refused');
  expect(level('🐎🔋📎🍏🐎🔋📎🍏')).toBe('fair');
});

test('longer is better', () => {
  expect(['', 'mini@Wal', 'mini@Wallet025', 'correct horse battery staple'].map(level)).toEqual(['empty', 'fair', 'good', 'strong']);
});

test('it says how many characters are missing, counted as people count', () => {
  expect(judgePassword('🐎🔋📎').words).toContain('5 more');
});
