import { expect, test } from 'vitest';
import { checkEmail, faults } from '@/features/accounts/checks';
import { atFields } from '@/features/accounts/field-faults';

test('each fault goes to its field, the first one where there are several', () => {
  const refusal = atFields(
    [
      { path: ['email'], message: 'No address.' },
      { path: ['email'], message: 'Too long.' },
      { path: ['profile', 'name'], message: 'No name.' },
    ],
    ['name', 'email'],
  );
  expect(refusal).toEqual({ fields: { email: 'No address.', name: 'No name.' }, message: '' });
});

test('a fault of a field that is not shown is said of the whole', () => {
  expect(atFields([{ path: ['expiresAt'], message: 'Choose a time in the future.' }], ['name']).message).toBe(
    'Choose a time in the future.',
  );
});

test('an address is checked for its shape alone', () => {
  expect(faults({ email: checkEmail(' user.alpha@demo.app ') })).toEqual({});
  for (const wrong of ['', 'user', 'user@demo', 'user alpha@demo.app']) expect(checkEmail(wrong)).toBeDefined();
});
