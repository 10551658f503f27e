import { describe, expect, it } from 'vitest';
import { faultOf } from './passkeys';

describe('what the user is told of a passkey that was not used', () => {
  it.each([
    ['NotAllowedError', 'No passkey was used'],
    ['InvalidStateError', 'already has a passkey'],
    ['SecurityError', 'usual address'],
    ['ConstraintError', 'fingerprint, face or PIN'],
  ])('%s', (name, words) => {
    const cause = new DOMException('as the browser says it', name);
    expect(faultOf(cause)).toContain(words);
    expect(faultOf(new Error('as the library says it', { cause }))).toContain(words);
  });

  it('that this browser has none', () => {
    expect(faultOf(new Error('no'))).toBe('This browser can’t use passkeys here.');
  });
});
