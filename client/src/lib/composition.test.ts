// @vitest-environment jsdom
import { expect, test } from 'vitest';
import { keepKeysOfCompositions } from '@/lib/composition';

keepKeysOfCompositions(window);
const input = document.body.appendChild(document.createElement('input'));

function heard(type: 'keydown' | 'keyup', init: KeyboardEventInit): boolean {
  let isHeard = false;
  const listen = () => (isHeard = true);
  for (const target of [input, document, window]) target.addEventListener(type, listen, { capture: target !== input });
  input.dispatchEvent(new KeyboardEvent(type, { bubbles: true, ...init }));
  for (const target of [input, document, window]) target.removeEventListener(type, listen, { capture: target !== input });
  return isHeard;
}

test.each(['Enter', 'Escape', 'ArrowDown', 'ArrowUp', 'Tab', ' '])('no listener hears %j of a composition', (key) => {
  expect(heard('keydown', { key, code: key, isComposing: true })).toBe(false);
  expect(heard('keyup', { key, code: key })).toBe(false);
  expect(heard('keydown', { key, code: key })).toBe(true);
  expect(heard('keyup', { key, code: key })).toBe(true);
});

test('nor the key that ended one in Safari, which comes after its end', () => {
  expect(heard('keydown', { key: 'Enter', code: 'Enter', keyCode: 229 })).toBe(false);
  expect(heard('keyup', { key: 'Enter', code: 'Enter', keyCode: 13 })).toBe(false);
  expect(heard('keydown', { key: 'Enter', code: 'Enter', keyCode: 13 })).toBe(true);
});
