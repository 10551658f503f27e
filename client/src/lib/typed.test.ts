import { describe, expect, test } from 'vitest';
import { pastedAddress } from '@/lib/addresses';
import { folded } from '@/lib/folding';
import { cleanText, nameFault, NOTE_CHARACTERS, textFault, textLength } from '@/lib/text';
// What the service's own tests read.
import cases from '../../../tests/domain/typed.json';

type Pairs = [string, string][];
const { texts, addresses, found_by } = cases as unknown as Record<keyof typeof cases, Pairs>;

describe('as the service has it', () => {
  test.each(texts)('%j is stored as %j', (text, stored) => {
    expect(cleanText(text)).toBe(stored);
    expect(nameFault(text)).toBeUndefined();
  });

  test.each(addresses)('the address in %j is %j', (text, address) => {
    expect(pastedAddress(text)).toBe(address);
  });

  test.each(found_by)('%j is found by %j', (name, query) => {
    expect(folded(name)).toContain(folded(query));
  });
});

describe('what the service refuses', () => {
  test.each(['a\u0000b', 'a\u001bb', 'a\u009bb', 'a\ue000b', 'a\ud800b', 'a\u3164b', 'a\u2800b', 'a\ufff9b'])('%j has what cannot be seen', (text) => {
    expect(textFault(text, 'The note', NOTE_CHARACTERS)).toBe(
      'The note contains a control or invisible character. Remove it and try again.',
    );
  });

  test('characters are counted as they are stored', () => {
    expect(textLength('e\u0301'.repeat(80))).toBe(80);
    expect(textLength(' 🎉 \n 🎉\u200b ')).toBe(3);
    expect(textFault('🎉'.repeat(140), 'The note', 140)).toBeUndefined();
    expect(textFault('x'.repeat(141), 'The note', 140)).toBe('The note is 1 character too long: the maximum is 140.');
    expect(nameFault('x'.repeat(90))).toBe('The name is 10 characters too long: the maximum is 80.');
  });

  test.each(['', ' ', '\u200b', '\u200d', '\u0301', '\ufe0f'])('the name %j is empty', (name) => {
    expect(nameFault(name)).toBe('The name is empty. Enter at least one letter.');
  });

  test.each(['👩\u200d👩\u200d👧', '🏴\u{e0067}\u{e0062}\u{e007f}', '50%', '\u{1fae9}'])('the name %j is fine', (name) => {
    expect(nameFault(name)).toBeUndefined();
  });
});
