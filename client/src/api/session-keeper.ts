/** Keeps the session: the access token in memory, renewed before it expires, once for all tabs. */

import { shallowRef, type ShallowRef } from 'vue';
import type { Exclusively } from './tab-lock';
import type { Grant, TabChannel } from './tabs';

export type Session =
  /** The service has not been asked yet, or could not be reached. */
  | { status: 'unknown' }
  | { status: 'signed-in'; viewerId: string }
  | { status: 'signed-out'; because: 'never' | 'signed-out' | 'ended' };

/** The credentials returned by a sign-in or a renewal. */
export interface Credentials {
  accessToken: string;
  expiresAt: string;
  /** Null if it is in the cookie. */
  refreshToken: string | null;
}

/**
 * With the refresh token, or with the cookie if it is null. Returns null if there is no active session. Throws if the
 * service could not be reached.
 */
export type Renew = (refreshToken: string | null) => Promise<{ credentials: Credentials; viewerId: string } | null>;

export interface KeeperParts {
  renew: Renew;
  exclusively: Exclusively;
  tabs: TabChannel;
  /** By the service's clock, which decides when tokens expire. */
  now: () => number;
}

const MARGIN_MILLISECONDS = 30_000;
const LONGEST_TIMER_MILLISECONDS = 2 ** 31 - 1;

export class SessionKeeper {
  readonly session: ShallowRef<Session> = shallowRef<Session>({ status: 'unknown' });
  private grant: Grant | null = null;
  /** Set only if the browser blocks cookies: the session then belongs to this tab. */
  private refreshToken: string | null = null;
  /** Incremented whenever a session begins or ends: earlier responses are dropped. */
  private changes = 0;
  private renewal: Promise<void> | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly parts: KeeperParts) {
    parts.tabs.listen((message) => {
      if (this.refreshToken !== null) return;
      if (message.type === 'granted') this.hold(message.grant);
      else if (message.type === 'changed') void this.renew().catch(() => undefined);
      else if (message.viewerId === this.viewerId) this.drop(message.because);
    });
  }

  get viewerId(): string | null {
    return this.session.value.status === 'signed-in' ? this.session.value.viewerId : null;
  }

  /** Begins the session of a sign-in: in all tabs, or only in this one if cookies are blocked. */
  begin(credentials: Credentials, viewerId: string): void {
    const grant = this.grantOf(credentials, viewerId);
    this.refreshToken = credentials.refreshToken;
    this.hold(grant);
    if (this.refreshToken === null) this.parts.tabs.post({ type: 'granted', grant });
  }

  /** Ends it in all tabs; the service has already ended it. */
  end(because: 'signed-out' | 'ended'): void {
    const viewerId = this.viewerId;
    const isShared = this.refreshToken === null;
    this.drop(because);
    if (viewerId && isShared) this.parts.tabs.post({ type: 'ended', viewerId, because });
  }

  /** Forgets who is signed in until the service is asked again; the session stays active. */
  suspend(): void {
    clearTimeout(this.timer);
    this.changes += 1;
    this.grant = null;
    this.session.value = { status: 'unknown' };
  }

  /** An access token of that user that does not expire soon; null if they are not signed in. Throws if it could not be renewed. */
  async accessToken(viewerId: string): Promise<string | null> {
    if (this.viewerId !== viewerId) return null;
    if (!this.grant || this.isDue(this.grant)) await this.renew();
    return this.grant?.viewerId === viewerId ? this.grant.accessToken : null;
  }

  /** After `accessToken` was rejected: the next one of that user, or null if the session has ended. */
  async accessTokenAfter(accessToken: string | null, viewerId: string): Promise<string | null> {
    if (this.grant && this.grant.accessToken === accessToken) this.grant = null;
    return this.accessToken(viewerId);
  }

  /** Asks the service who is signed in: at the start, and when a socket was rejected. */
  async renew(): Promise<void> {
    this.renewal ??= this.renewOnce().finally(() => {
      this.renewal = null;
    });
    return this.renewal;
  }

  private async renewOnce(): Promise<void> {
    const held = this.grant;
    await this.parts.exclusively('refresh', async () => {
      // While this tab waited for the lock, another one may have shared its token.
      if (this.grant && this.grant !== held && !this.isDue(this.grant)) return;
      const { changes } = this;
      const answer = await this.parts.renew(this.refreshToken);
      if (changes !== this.changes) return;
      if (answer) this.begin(answer.credentials, answer.viewerId);
      else if (this.viewerId) this.end('ended');
      else this.drop('never');
    });
  }

  private hold(grant: Grant): void {
    if (this.grant?.viewerId === grant.viewerId && this.grant.obtainedAt > grant.obtainedAt) return;
    this.grant = grant;
    if (this.viewerId !== grant.viewerId) {
      this.changes += 1;
      this.session.value = { status: 'signed-in', viewerId: grant.viewerId };
    }
    clearTimeout(this.timer);
    const left = this.dueAt(grant) - this.parts.now();
    this.timer = setTimeout(
      () => void this.renew().catch(() => undefined),
      Math.min(Math.max(left, 1_000), LONGEST_TIMER_MILLISECONDS),
    );
  }

  private drop(because: 'never' | 'signed-out' | 'ended'): void {
    clearTimeout(this.timer);
    this.changes += 1;
    this.grant = this.refreshToken = null;
    if (because === 'never' && this.session.value.status === 'signed-out') return;
    this.session.value = { status: 'signed-out', because };
  }

  private grantOf(credentials: Credentials, viewerId: string): Grant {
    const obtainedAt = this.parts.now();
    return {
      viewerId,
      accessToken: credentials.accessToken,
      obtainedAt,
      goodUntil: obtainedAt + lifetimeMilliseconds(credentials, obtainedAt),
    };
  }

  private dueAt(grant: Grant): number {
    const lifetime = grant.goodUntil - grant.obtainedAt;
    return grant.goodUntil - Math.min(MARGIN_MILLISECONDS, lifetime / 4);
  }

  private isDue(grant: Grant): boolean {
    return this.parts.now() >= this.dueAt(grant);
  }
}

/** Computed from the token's own times, so that a wrong device clock does not matter. */
function lifetimeMilliseconds(credentials: Credentials, now: number): number {
  try {
    const claims = JSON.parse(
      atob((credentials.accessToken.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/')),
    ) as { iat?: unknown; exp?: unknown };
    if (typeof claims.iat === 'number' && typeof claims.exp === 'number') {
      return (claims.exp - claims.iat) * 1000;
    }
  } catch {
    // Not a readable JWT: the service's `expiresAt` is used.
  }
  return Date.parse(credentials.expiresAt) - now;
}
