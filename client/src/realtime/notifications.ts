/** The notifications of the signed-in user: which are unread, and live updates in every tab. */

import { computed, shallowRef } from 'vue';
import { client, sentenceFor } from '@/api';
import { delay } from '@/api/session';
import { perUser, type UserScope } from '@/lib/user-scope';
import { MarkNotificationsRead, NewestNotifications, type Notification, type ViewerNow } from './documents';
import { EventOrder } from './event-order';
import { tellOfNotification } from './listeners';
import { FIRST_PAGE, olderCursorOf, readAfter, type ReadPage } from './pages';
import { openReadChannel, type ReadChannel } from './read-channel';

export interface Notifications {
  /** The number of the newest; 0 before the first. */
  newest: number;
  /** Those up to this number have been read: they are never read one by one. */
  readThrough: number;
  /** The newest without a gap, newest first: one page at first, more on request. */
  items: Notification[];
  /** The cursor of older ones; null if all have been loaded. */
  olderCursor: string | null;
}

const numberOf = ({ number }: Notification): number => number;

/** Channels sends notifications without the payment request or top-up that they are about: such a one is read instead. */
function isWhole({ kind, paymentRequest, topUp }: Partial<Notification>): boolean {
  if (kind === 'TOP_UP_FAILED') return topUp !== undefined;
  return paymentRequest !== undefined || !kind?.startsWith('REQUEST_');
}

const readPage: ReadPage<Notification> = async (first, after) => {
  const { data, error } = await client.value
    .query(NewestNotifications, { first, after }, { requestPolicy: 'network-only' })
    .toPromise();
  return { page: data?.viewer?.notifications, error };
};

/** The notifications of one user and their stream. */
export class OpenNotifications {
  readonly current = shallowRef<Notifications | null>(null);
  private order: EventOrder<Notification> | null = null;
  private loading: Promise<string | null> | null = null;
  private readonly tabs: ReadChannel | null;

  constructor(private readonly scope: UserScope) {
    const { userId } = scope;
    this.tabs = userId === null ? null : openReadChannel(userId, (number) => this.noteRead(number));
    scope.onEnd(() => {
      this.order?.stop();
      this.tabs?.close();
    });
  }

  /** The number of the newest known one. */
  get last(): number {
    return this.order?.last ?? 0;
  }

  /** With what was just read; `startOver` is called where too much was missed. */
  begin({ notifications, unreadNotifications }: ViewerNow, startOver: () => void): void {
    const newest = notifications.nodes[0]?.number ?? 0;
    this.current.value = {
      newest,
      readThrough: Math.max(newest - unreadNotifications, this.current.value?.readThrough ?? 0),
      items: notifications.nodes,
      olderCursor: olderCursorOf(notifications),
    };
    this.order?.stop();
    this.order = new EventOrder<Notification>(newest, {
      numberOf,
      readAfter: (number) => readAfter(number, numberOf, readPage),
      deliver: (notification) => this.deliver(notification),
      startOver,
      delay,
    });
  }

  /** Numbers are assigned again: `begin` follows. */
  forget(): void {
    this.current.value = null;
  }

  offer(notification: Notification): void {
    if (!this.scope.isActive) return;
    if (isWhole(notification)) this.order?.offer(notification);
    else this.order?.noteNewest(notification.number);
  }

  catchUp(): void {
    void this.order?.catchUp();
  }

  /** What the service knows: others may have come, or have been read on another device. */
  note(newest: number, unread: number): void {
    this.noteRead(newest - unread);
    this.order?.noteNewest(newest);
  }

  /** Returns whether the service knows that everything up to that number has been read. */
  async markRead(through: number): Promise<boolean> {
    const { data } = await client.value.mutation(MarkNotificationsRead, { through }).toPromise();
    if (data?.markNotificationsRead.__typename !== 'NotificationsRead') return false;
    this.noteRead(through);
    this.tabs?.post(through);
    return true;
  }

  loadOlder(): Promise<string | null> {
    this.loading ??= this.readOlder().finally(() => {
      this.loading = null;
    });
    return this.loading;
  }

  private noteRead(through: number): void {
    const { value } = this.current;
    if (value && through > value.readThrough) this.current.value = { ...value, readThrough: through };
  }

  private deliver(notification: Notification): void {
    const { value } = this.current;
    if (!value || !this.scope.isActive) return;
    this.current.value = { ...value, newest: notification.number, items: [notification, ...value.items] };
    tellOfNotification(notification);
  }

  private async readOlder(): Promise<string | null> {
    const cursor = this.current.value?.olderCursor ?? null;
    if (cursor === null) return null;
    const { page, error } = await readPage(FIRST_PAGE, cursor);
    if (error) return sentenceFor(error);
    const now = this.current.value;
    if (!page || now?.olderCursor !== cursor) return null;
    this.current.value = { ...now, items: [...now.items, ...page.nodes], olderCursor: olderCursorOf(page) };
    return null;
  }
}

export const openNotifications = perUser((scope) => new OpenNotifications(scope));

/** Null until they have been loaded, and while nobody is signed in. */
export const notifications = computed(() => openNotifications().current.value);

export const unreadNotifications = computed(() =>
  notifications.value ? Math.max(0, notifications.value.newest - notifications.value.readThrough) : 0,
);

/** Marks everything up to that number as read, in all tabs. Returns whether that succeeded. */
export function markNotificationsRead(through: number): Promise<boolean> {
  return openNotifications().markRead(through);
}

/** Loads the next page of older ones, if there is one. Returns null, or a message why it failed. */
export function loadOlderNotifications(): Promise<string | null> {
  return openNotifications().loadOlder();
}
