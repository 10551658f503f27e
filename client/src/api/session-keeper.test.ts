import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SessionKeeper, type Renew } from './session-keeper';
import { createExclusively } from './tab-lock';
import type { TabChannel, TabMessage } from './tabs';

const LIFETIME_MILLISECONDS = 900_000;

/** Some tabs of one browser: a message reaches all others. */
function browser() {
  const listeners: ((message: TabMessage) => void)[] = [];
  const exclusively = createExclusively(() => null, () => null, () => Promise.resolve());
  return (renew: Renew): SessionKeeper => {
    const index = listeners.length;
    const tabs: TabChannel = {
      post: (message) => {
        listeners.forEach((listener, each) => {
          if (each !== index) listener(message);
        });
      },
      listen: (listener) => (listeners[index] = listener),
    };
    return new SessionKeeper({ renew, exclusively, tabs, now: Date.now });
  };
}

const credentials = (accessToken: string) => ({
  accessToken,
  expiresAt: new Date(Date.now() + LIFETIME_MILLISECONDS).toISOString(),
  refreshToken: null,
});

const answering = (viewerId = 'v1') => {
  let count = 0;
  return vi.fn<Renew>(() => {
    count += 1;
    return Promise.resolve({ credentials: credentials(`t${String(count)}`), viewerId });
  });
};

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

describe('SessionKeeper', () => {
  it('is signed in where the cookie is still good, and signed out where there is none', async () => {
    const keeper = browser()(answering());
    await keeper.renew();
    expect(keeper.session.value).toEqual({ status: 'signed-in', viewerId: 'v1' });
    const signedOut = browser()(() => Promise.resolve(null));
    await signedOut.renew();
    expect(signedOut.session.value).toEqual({ status: 'signed-out', because: 'never' });
  });

  it('does not sign out because the service could not be asked', async () => {
    const keeper = browser()(() => Promise.reject(new Error('offline')));
    await expect(keeper.renew()).rejects.toThrow('offline');
    expect(keeper.session.value.status).toBe('unknown');
  });

  it('renews the token before it expires', async () => {
    const renew = answering();
    const keeper = browser()(renew);
    await keeper.renew();
    await vi.advanceTimersByTimeAsync(LIFETIME_MILLISECONDS - 29_000);
    expect(renew).toHaveBeenCalledTimes(2);
    expect(await keeper.accessToken('v1')).toBe('t2');
  });

  it('renews once for many requests at the same time', async () => {
    const renew = answering();
    const keeper = browser()(renew);
    await keeper.renew();
    vi.setSystemTime(Date.now() + LIFETIME_MILLISECONDS);
    const tokens = await Promise.all([keeper.accessToken('v1'), keeper.accessToken('v1'), keeper.accessToken('v1')]);
    expect(tokens).toEqual(['t2', 't2', 't2']);
    expect(renew).toHaveBeenCalledTimes(2);
  });

  it('renews once for all tabs', async () => {
    const tab = browser();
    const renew = answering();
    const [first, second] = [tab(renew), tab(renew)];
    await Promise.all([first.renew(), second.renew()]);
    expect(renew).toHaveBeenCalledOnce();
    expect(await second.accessToken('v1')).toBe(await first.accessToken('v1'));
  });

  it('renews a token that was refused, but not for the one before it', async () => {
    const renew = answering();
    const keeper = browser()(renew);
    await keeper.renew();
    expect(await keeper.accessTokenAfter('t0', 'v1')).toBe('t1');
    expect(await keeper.accessTokenAfter('t1', 'v1')).toBe('t2');
  });

  it('says that the session has ended when the service does not know it any more', async () => {
    const tab = browser();
    let isGood = true;
    const renew: Renew = () =>
      Promise.resolve(isGood ? { credentials: credentials('t'), viewerId: 'v1' } : null);
    const [first, second] = [tab(renew), tab(renew)];
    await first.renew();
    isGood = false;
    expect(await first.accessTokenAfter('t', 'v1')).toBeNull();
    expect(first.session.value).toEqual({ status: 'signed-out', because: 'ended' });
    expect(second.session.value).toEqual({ status: 'signed-out', because: 'ended' });
  });

  it('follows another tab that signs in as another user, and signs out with it', () => {
    const tab = browser();
    const [first, second] = [tab(answering()), tab(answering())];
    first.begin(credentials('a'), 'alpha');
    expect(second.viewerId).toBe('alpha');
    vi.advanceTimersByTime(10);
    second.begin(credentials('b'), 'beta');
    expect(first.viewerId).toBe('beta');
    first.end('signed-out');
    expect(second.session.value).toEqual({ status: 'signed-out', because: 'signed-out' });
  });

  it('goes by the lifetime in the token where the clock of this machine is wrong', async () => {
    const renew = vi.fn<Renew>(() => {
      const claims = btoa(JSON.stringify({ iat: 1_000, exp: 1_900 }));
      return Promise.resolve({
        credentials: { accessToken: `h.${claims}.s`, expiresAt: '1970-01-01T00:31:40Z', refreshToken: null },
        viewerId: 'v1',
      });
    });
    const keeper = browser()(renew);
    await keeper.renew();
    await vi.advanceTimersByTimeAsync(800_000);
    await keeper.accessToken('v1');
    expect(renew).toHaveBeenCalledOnce();
  });

  it('gives no token of one user to a request of another', async () => {
    const keeper = browser()(answering());
    keeper.begin(credentials('a'), 'alpha');
    keeper.begin(credentials('b'), 'beta');
    expect(await keeper.accessToken('alpha')).toBeNull();
    expect(await keeper.accessTokenAfter('a', 'alpha')).toBeNull();
    expect(await keeper.accessToken('beta')).toBe('b');
  });

  it.each(['alpha', null])('drops an answer from before a sign-in, for any user: %s', async (viewerId) => {
    let answer: (found: Awaited<ReturnType<Renew>>) => void = () => undefined;
    const keeper = browser()(() => new Promise((resolve) => (answer = resolve)));
    const renewing = keeper.renew();
    await vi.advanceTimersByTimeAsync(0);
    keeper.begin(credentials('b'), 'beta');
    answer(viewerId === null ? null : { credentials: credentials('a'), viewerId });
    await renewing;
    expect(keeper.viewerId).toBe('beta');
    expect(await keeper.accessToken('beta')).toBe('b');
  });

  it('keeps a session without a cookie to its tab', async () => {
    const tab = browser();
    const renew = answering();
    const [first, second] = [tab(renew), tab(() => Promise.resolve(null))];
    await second.renew();
    first.begin({ ...credentials('a'), refreshToken: 'r' }, 'v1');
    expect(second.viewerId).toBeNull();
    second.end('ended');
    expect(first.viewerId).toBe('v1');
    await first.accessTokenAfter('a', 'v1');
    expect(renew).toHaveBeenCalledWith('r');
  });

  it('forgets the user while the page is kept, and asks again', async () => {
    const keeper = browser()(answering('beta'));
    keeper.begin(credentials('a'), 'alpha');
    keeper.suspend();
    expect(keeper.session.value).toEqual({ status: 'unknown' });
    await keeper.renew();
    expect(keeper.viewerId).toBe('beta');
  });
});
