/**
 * State that belongs to one user: it begins and ends with the session.
 *
 * Module state that belongs to a user is declared with `perUser`, never as a plain ref, Map or `let` (eslint checks
 * this). A reference to what `perUser` returned stays that user's state, and is inactive after their session.
 */

import { effectScope, shallowRef } from 'vue';

export class UserScope {
  private readonly controller = new AbortController();
  private readonly effects = effectScope(true);
  private readonly states = new Map<unknown, unknown>();

  /** Null while signed out. */
  constructor(readonly userId: string | null) {}

  get isActive(): boolean {
    return !this.controller.signal.aborted;
  }

  /** Resolves when the session ends. */
  readonly ended = new Promise<void>((resolve) => {
    this.signal.addEventListener('abort', () => resolve());
  });

  /** Aborted when the session ends. */
  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** The state that `create` made for this user, created once; its watchers stop with the session. */
  stateOf<State>(create: (scope: UserScope) => State): State {
    if (!this.states.has(create)) {
      this.states.set(
        create,
        this.effects.run(() => create(this)),
      );
    }
    return this.states.get(create) as State;
  }

  onEnd(listener: () => void): void {
    this.signal.addEventListener('abort', listener, { once: true });
  }

  /** The same result, but never after the session has ended: code that waits for it does not continue. */
  whileActive<Result>(result: Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      result.then(
        (value) => {
          if (this.isActive) resolve(value);
        },
        (error: unknown) => {
          if (this.isActive) reject(error as Error);
        },
      );
    });
  }

  /** Runs it unless the session has ended; rejects with `SessionEnded` as soon as it ends. For work that holds a lock. */
  orEnded<Result>(work: () => Promise<Result>): Promise<Result> {
    if (!this.isActive) return Promise.reject(new SessionEnded());
    return new Promise((resolve, reject) => {
      this.onEnd(() => reject(new SessionEnded()));
      work().then(resolve, reject);
    });
  }

  end(): void {
    this.controller.abort();
    this.effects.stop();
    this.states.clear();
  }
}

/** The user's session has ended. */
export class SessionEnded extends Error {
  constructor() {
    super('The session has ended.');
  }
}

const current = shallowRef(new UserScope(null));
const changes = shallowRef(0);
let lastUserId: string | null = null;
const eager = new Set<(scope: UserScope) => void>();

/** The scope of the signed-in user; without a user id while signed out. */
export const userScope = (): UserScope => current.value;

/** Incremented when another user signs in: a key for components, so that they are created again. */
export const userChanges = (): number => changes.value;

/** Declares state of a user; the returned function returns the current user's. Call it outside of components. */
export function perUser<State>(create: (scope: UserScope) => State): () => State {
  return () => current.value.stateOf(create);
}

/** Calls it for each user when their session begins, on any page. */
export function startForEachUser(start: (scope: UserScope) => void): void {
  eager.add(start);
  if (current.value.userId !== null) current.value.stateOf(start);
}

/** Only for api/session.ts: ends the state of the previous user. */
export function switchUser(userId: string | null): void {
  const before = current.value;
  if (before.userId === userId) return;
  before.end();
  current.value = new UserScope(userId);
  if (userId === null) return;
  if (lastUserId !== null && lastUserId !== userId) changes.value += 1;
  lastUserId = userId;
  for (const start of eager) current.value.stateOf(start);
}
