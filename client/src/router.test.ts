// @vitest-environment jsdom
import { ref } from 'vue';
import type { Session } from '@/api';
import { beforeEach, expect, test, vi } from 'vitest';

const session = ref<Session>({ status: 'signed-out', because: 'never' });
vi.mock('@/api', () => ({ session, sessionKnown: () => Promise.resolve() }));
const { ownerOf, redirectFrom, router } = await import('@/router');

const signedIn = (viewerId: string): Session => ({ status: 'signed-in', viewerId });
const signedOut = (because: 'never' | 'signed-out' | 'ended'): Session => ({ status: 'signed-out', because });

beforeEach(() => {
  session.value = signedOut('never');
  history.replaceState(null, '', '/');
});

/** As if that page's entry of the history were the current one. */
function enter(path: string, owner: string): ReturnType<typeof from> {
  history.replaceState({ owner }, '', path);
  return from(path);
}

const from = (path: string) => redirectFrom(router.resolve(path));

test('a signed-out user signs in first, and then sees the page they wanted', () => {
  expect(from('/send?to=1')).toEqual({ path: '/sign-in', query: { next: '/send?to=1' }, state: {} });
  expect(from('/')).toEqual({ path: '/sign-in' });
});

test('the sign-in pages lead a signed-in user home', () => {
  session.value = signedIn('alpha');
  expect(from('/sign-in?next=/settings/devices')).toBe('/settings/devices');
  expect(from('/sign-in?next=%2F@anna.b%3Famount%3D3')).toBe('/@anna.b?amount=3');
  expect(from('/register')).toBe('/');
  expect(from('/sign-in?next=https://evil.example')).toBe('/');
});

test('links in mails work signed in and signed out', () => {
  for (const each of [signedIn('alpha'), signedOut('never')]) {
    session.value = each;
    for (const path of ['/verify-email#token=x', '/reset-password#token=x', '/forgot-password', '/check-mail', '/nowhere']) {
      expect(from(path)).toBeNull();
    }
  }
});

test('every page has a title', () => {
  for (const route of router.getRoutes()) expect(route.meta.title, route.path).toBeTruthy();
});

test('the page of a user whose session ended is wanted again by that user alone', () => {
  session.value = signedOut('ended');
  expect(enter('/activity/A', 'alpha')).toEqual({
    path: '/sign-in',
    query: { next: '/activity/A' },
    state: { owner: 'alpha' },
  });
  session.value = signedIn('alpha');
  expect(enter('/sign-in?next=/activity/A', 'alpha')).toBe('/activity/A');
  session.value = signedIn('beta');
  expect(enter('/sign-in?next=/activity/A', 'alpha')).toMatchObject({ path: '/' });
});

test('after signing out, no page is remembered', () => {
  session.value = signedOut('signed-out');
  expect(enter('/activity/A', 'alpha')).toEqual({ path: '/sign-in' });
});

test('the history of one user does not lead another into their pages', () => {
  session.value = signedIn('beta');
  expect(enter('/activity?text=rent', 'alpha')).toMatchObject({ path: '/', replace: true });
  expect(enter('/', 'alpha')).toBeNull();
  expect(enter('/activity', 'beta')).toBeNull();
  expect(ownerOf({ fullPath: '/settings' })).toBeNull();
});

test('no redirect happens while it is not known who is signed in', () => {
  session.value = { status: 'unknown' };
  expect(enter('/activity/A', 'alpha')).toBeNull();
});
