import { afterEach, expect, it, vi } from 'vitest';
import { answerWith } from '@/api/testing';
import { UpdateProfile } from '@/features/profile/documents';
import { switchUser } from '@/lib/user-scope';
import { hasJustChanged, mutate } from './answers';

const change = () => mutate(UpdateProfile, { input: { name: 'Bo' } });

afterEach(() => {
  vi.useRealTimers();
  switchUser(null);
});

it('knows for a moment that this page has changed something, and not what another user did', async () => {
  vi.useFakeTimers();
  switchUser('alpha');
  answerWith(() => Promise.resolve(Response.json({ data: { updateProfile: { __typename: 'ProfileUpdated' } } })));
  expect(hasJustChanged()).toBe(false);
  const changed = change();
  expect(hasJustChanged()).toBe(true);
  await changed;
  expect(hasJustChanged()).toBe(true);
  vi.advanceTimersByTime(6_000);
  expect(hasJustChanged()).toBe(false);
  answerWith(() => Promise.reject(new Error('away')));
  await change();
  switchUser('beta');
  expect(hasJustChanged()).toBe(false);
});
