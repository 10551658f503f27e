import { afterEach, expect, it, vi } from 'vitest';
import { answerWith } from '@/api/testing';
import { switchUser } from '@/lib/user-scope';
import type { Notification, ViewerNow } from './documents';
import { onNotification } from './listeners';
import { loadOlderNotifications, markNotificationsRead, notifications, openNotifications, unreadNotifications } from './notifications';

const notification = (number: number) => ({ id: String(number), number, kind: 'MONEY_RECEIVED' }) as Notification;
const pageOf = (numbers: number[]) => ({
  nodes: numbers.map(notification),
  pageInfo: { hasNextPage: (numbers.at(-1) ?? 1) > 1, endCursor: String(numbers.at(-1)) },
});

function open(numbers: number[], unread: number): void {
  switchUser('alpha');
  const viewer = { notifications: pageOf(numbers), unreadNotifications: unread } as unknown as ViewerNow;
  openNotifications().begin(viewer, () => undefined);
}

const shown = () => notifications.value?.items.map(({ number }) => number);

afterEach(() => switchUser(null));

it('counts what comes once, whichever transport brings it', () => {
  const heard: number[] = [];
  const stop = onNotification(({ number }) => heard.push(number));
  open([2, 1], 1);
  for (const number of [3, 2, 3, 4]) openNotifications().offer(notification(number));
  stop();
  expect(heard).toEqual([3, 4]);
  expect(shown()).toEqual([4, 3, 2, 1]);
  expect(unreadNotifications.value).toBe(3);
});

it('counts anew where numbers are assigned again', () => {
  open([5, 4, 3, 2, 1], 0);
  openNotifications().forget();
  open([3, 2, 1], 2);
  expect(shown()).toEqual([3, 2, 1]);
  expect(unreadNotifications.value).toBe(2);
});

it('reads what was missed after the last number', async () => {
  open([2, 1], 0);
  answerWith(() => Promise.resolve(Response.json({ data: { viewer: { notifications: pageOf([5, 4, 3, 2, 1]) } } })));
  openNotifications().note(5, 3);
  await vi.waitFor(() => expect(shown()).toEqual([5, 4, 3, 2, 1]));
  expect(unreadNotifications.value).toBe(3);
});

it('reads a notification about a request that came without the request', async () => {
  const whole = { ...notification(3), kind: 'REQUEST_RECEIVED', paymentRequest: { id: 'R' } } as Notification;
  open([2, 1], 0);
  const nodes = [whole, notification(2)];
  answerWith(() => Promise.resolve(Response.json({ data: { viewer: { notifications: { ...pageOf([3, 2]), nodes } } } })));
  openNotifications().offer({ ...whole, paymentRequest: undefined } as unknown as Notification);
  await vi.waitFor(() => expect(notifications.value?.items[0]?.paymentRequest).toEqual({ id: 'R' }));
});

it('has read what the service has marked, and nothing that came meanwhile', async () => {
  let answer: ((response: Response) => void) | undefined;
  open([2, 1], 2);
  answerWith(() => new Promise((resolve) => (answer = resolve)));
  const marked = markNotificationsRead(2);
  await vi.waitFor(() => expect(answer).toBeDefined());
  openNotifications().offer(notification(3));
  expect(unreadNotifications.value).toBe(3);
  answer?.(Response.json({ data: { markNotificationsRead: { __typename: 'NotificationsRead' } } }));
  expect(await marked).toBe(true);
  expect(unreadNotifications.value).toBe(1);
});

it('stays unread where marking fails, and is read where another device did it', async () => {
  open([2, 1], 2);
  answerWith(() => Promise.resolve(Response.json({ errors: [{ message: 'no' }] })));
  expect(await markNotificationsRead(2)).toBe(false);
  expect(unreadNotifications.value).toBe(2);
  openNotifications().note(2, 0);
  expect(unreadNotifications.value).toBe(0);
});

it('goes on to older ones page by page', async () => {
  open([4, 3], 0);
  answerWith(() => Promise.resolve(Response.json({ data: { viewer: { notifications: pageOf([2, 1]) } } })));
  expect(await loadOlderNotifications()).toBeNull();
  expect(shown()).toEqual([4, 3, 2, 1]);
  expect(notifications.value?.olderCursor).toBeNull();
});
