import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SessionKeeper, type Renew } from './session-keeper';
import { createExclusively } from './tab-lock';
import type { TabChannel, TabMessage } from './tabs';

const LIFETIME_MILLISECONDS = 900_000;

/** Some tabs of one browser: a message reaches all others. */
function browser() {
  const listeners: ((message: TabMessage) => void)[] = [];
  const exclusively = createExclusively(null, null, () => Promise.resolve());
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
    const nobody = browser()(() => Promise.resolve(null));
    await nobody.renew();
    expect(nobody.session.value).toEqual({ status: 'signed-out', because: 'never' });
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
    expect(await keeper.accessToken()).toBe('t2');
  });

  it('renews once for many requests at the same time', async () => {
    const renew = answering();
    const keeper = browser()(renew);
    const tokens = await Promise.all([keeper.accessToken(), keeper.accessToken(), keeper.accessToken()]);
    expect(tokens).toEqual(['t1', 't1', 't1']);
    expect(renew).toHaveBeenCalledOnce();
  });

  it('renews once for all tabs', async () => {
    const tab = browser();
    const renew = answering();
    const [first, second] = [tab(renew), tab(renew)];
    await Promise.all([first.renew(), second.renew()]);
    expect(renew).toHaveBeenCalledOnce();
    expect(await second.accessToken()).toBe(await first.accessToken());
  });

  it('renews a token that was refused, but not for the one before it', async () => {
    const renew = answering();
    const keeper = browser()(renew);
    await keeper.renew();
    expect(await keeper.accessTokenAfter('t0')).toBe('t1');
    expect(await keeper.accessTokenAfter('t1')).toBe('t2');
  });

  it('says that the session has ended when the service does not know it any more', async () => {
    const tab = browser();
    let isGood = true;
    const renew: Renew = () =>
      Promise.resolve(isGood ? { credentials: credentials('t'), viewerId: 'v1' } : null);
    const [first, second] = [tab(renew), tab(renew)];
    await first.renew();
    isGood = false;
    expect(await first.accessTokenAfter('t')).toBeNull();
    expect(first.session.value).toEqual({ status: 'signed-out', because: 'ended' });
    expect(second.session.value).toEqual({ status: 'signed-out', because: 'ended' });
  });

  it('follows another tab that signs in as somebody else, and signs out with it', () => {
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
        credentials: { accessToken: `h.${claims}.s`, expiresAt: '1970-01-01T00:31:40Z' },
        viewerId: 'v1',
      });
    });
    const keeper = browser()(renew);
    await keeper.accessToken();
    await vi.advanceTimersByTimeAsync(800_000);
    await keeper.accessToken();
    expect(renew).toHaveBeenCalledOnce();
  });
});
