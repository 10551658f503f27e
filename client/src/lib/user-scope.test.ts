import { ref, shallowRef, watch } from 'vue';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { userChanges, perUser, SessionEnded, startForEachUser, switchUser, userScope } from './user-scope';

afterEach(() => switchUser(null));

describe('state of a user', () => {
  it('is made once for each, and anew for the next', () => {
    const list = perUser(() => shallowRef<string[]>([]));
    switchUser('alpha');
    list().value = ['for Alpha'];
    expect(list().value).toEqual(['for Alpha']);
    switchUser('beta');
    expect(list().value).toEqual([]);
    switchUser('alpha');
    expect(list().value).toEqual([]);
  });

  it('has watchers that end with the session and not with a component', () => {
    const source = ref(0);
    const seen: number[] = [];
    const start = perUser(() => watch(source, (value) => seen.push(value), { flush: 'sync' }));
    switchUser('alpha');
    start();
    source.value = 1;
    switchUser('beta');
    source.value = 2;
    expect(seen).toEqual([1]);
  });

  it('is started for each user who signs in, but not while signed out', () => {
    const started: (string | null)[] = [];
    switchUser('alpha');
    startForEachUser(({ userId }) => void started.push(userId));
    switchUser(null);
    switchUser('beta');
    switchUser('beta');
    expect(started).toEqual(['alpha', 'beta']);
  });

  it('counts the users that came after another, so that components can be made anew', () => {
    switchUser('alpha');
    const before = userChanges();
    switchUser(null);
    switchUser('alpha');
    expect(userChanges()).toBe(before);
    switchUser(null);
    switchUser('beta');
    switchUser('alpha');
    expect(userChanges()).toBe(before + 2);
  });
});

describe('work for a user', () => {
  it('that ends after the session has no result', async () => {
    switchUser('alpha');
    const settled = vi.fn();
    const [late, failing] = [Promise.resolve(1), Promise.reject(new Error('no'))];
    for (const work of [late, failing]) userScope().whileActive<unknown>(work).then(settled, settled);
    switchUser('beta');
    await Promise.allSettled([late, failing]);
    await Promise.resolve();
    expect(settled).not.toHaveBeenCalled();
  });

  it('that holds a lock gives it back when the session ends, and does not begin afterwards', async () => {
    switchUser('alpha');
    const scope = userScope();
    const held = scope.orEnded(() => new Promise(() => undefined));
    switchUser('beta');
    await expect(held).rejects.toThrow(SessionEnded);
    const work = vi.fn(() => Promise.resolve());
    await expect(scope.orEnded(work)).rejects.toThrow(SessionEnded);
    expect(work).not.toHaveBeenCalled();
  });
});
