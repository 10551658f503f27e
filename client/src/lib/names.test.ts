import { expect, test } from 'vitest';
import { initials } from '@/lib/names';

test.each([
  ['User Alpha', 'UA'],
  ['Madonna', 'M'],
  ['  ana  maria de souza ', 'AS'],
  ['Élodie Ångström', 'ÉÅ'],
  ['e\u0301lodie', 'E\u0301'],
  ['محمد علي', 'مع'],
  ['李 小龍', '李小'],
  ['𝒜lice', '𝒜'],
  ['— Bob', 'B'],
  ['💸', '?'],
  ['', '?'],
])('%j is shown as %s', (name, letters) => {
  expect(initials(name)).toBe(letters);
});
