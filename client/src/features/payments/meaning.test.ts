import { CombinedError } from '@urql/core';
import { describe, expect, it } from 'vitest';
import { meaningOf } from './meaning';

const coded = (code: string, extensions = {}) =>
  new CombinedError({ graphQLErrors: [{ message: 'No.', extensions: { code, ...extensions } }] });

describe('what an answer says of the money', () => {
  it.each(['INTERNAL', 'UNAVAILABLE', 'SOMETHING_NEW'])('nothing, when it is %s', (code) => {
    expect(meaningOf(null, coded(code))).toEqual({ type: 'lost' });
  });

  it('nothing, if there is none or its type is unknown', () => {
    expect(meaningOf(undefined, undefined)).toEqual({ type: 'lost' });
    expect(meaningOf(null, new CombinedError({ networkError: new Error('reset') }))).toEqual({ type: 'lost' });
  });

  it.each(['UNAUTHENTICATED', 'FORBIDDEN', 'BAD_USER_INPUT'])('not moved by this request, when it is %s', (code) => {
    expect(meaningOf(null, coded(code)).type).toBe('declined');
  });

  it('when to try again', () => {
    expect(meaningOf(null, coded('RATE_LIMITED', { retryAfterSeconds: 3 }))).toMatchObject({ retryAfterSeconds: 3 });
  });

  it('to be confirmed with a second factor', () => {
    const required = { challenge: 'c', methods: ['TOTP' as const], passkeyOptions: null };
    expect(meaningOf({ __typename: 'ConfirmationRequired', message: 'Confirm it.', ...required }, undefined)).toEqual({
      type: 'to-confirm',
      required,
    });
  });

  it('refused, also for a reason that is newer than this page', () => {
    expect(meaningOf({ __typename: 'WalletFrozen', message: 'Frozen.' }, undefined)).toEqual({
      type: 'refused',
      refusal: { reason: 'WalletFrozen', message: 'Frozen.', fields: [] },
    });
  });
});
