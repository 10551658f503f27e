// @vitest-environment jsdom
import { ref } from 'vue';
import { beforeEach, expect, test, vi } from 'vitest';

const isSignedIn = ref(false);
vi.mock('@/api', () => ({
  isSignedIn,
  session: ref({ status: 'signed-out', because: 'never' }),
  sessionKnown: () => Promise.resolve(),
}));
const { redirectFrom, router } = await import('@/router');

beforeEach(() => {
  isSignedIn.value = false;
});

const from = (path: string) => redirectFrom(router.resolve(path));

test('whoever is signed out signs in first, and goes on to where they wanted', () => {
  expect(from('/send?to=1')).toEqual({ path: '/sign-in', query: { next: '/send?to=1' } });
  expect(from('/')).toEqual({ path: '/sign-in', query: undefined });
});

test('whoever is signed in is past the entrance', () => {
  isSignedIn.value = true;
  expect(from('/sign-in?next=/settings/devices')).toEqual({ path: '/settings/devices' });
  expect(from('/register')).toEqual({ path: '/' });
  expect(from('/sign-in?next=https://evil.example')).toEqual({ path: '/' });
});

test('links of mails are for everybody', () => {
  for (const signedIn of [true, false]) {
    isSignedIn.value = signedIn;
    for (const path of ['/verify-email#token=x', '/reset-password#token=x', '/forgot-password', '/check-mail', '/nowhere']) {
      expect(from(path)).toBeNull();
    }
  }
});

test('every page has a title', () => {
  for (const route of router.getRoutes()) expect(route.meta.title, route.path).toBeTruthy();
});
