/** One at a time across all tabs of this browser: by Web Locks, or by leases in storage where there are none. */

const LEASE_MILLISECONDS = 10_000;
const POLL_MILLISECONDS = 100;
const PREFIX = 'mini-wallet.lock.';

/** The part of `navigator.locks` that is used. */
export interface Locks {
  request<Result>(name: string, work: () => Promise<Result>): Promise<Result>;
}

/** The part of `localStorage` that is used. */
export type LeaseStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

/** Runs work while no other tab runs work of the same name. */
export type Exclusively = <Result>(name: string, work: () => Promise<Result>) => Promise<Result>;

/** `locks` and `storage` are null where the browser lacks them. */
export function createExclusively(
  locks: Locks | null,
  storage: LeaseStorage | null,
  delay: (milliseconds: number) => Promise<void>,
): Exclusively {
  if (locks) return (name, work) => locks.request(PREFIX + name, work);
  const queue = createQueue();
  return (name, work) =>
    queue(name, () => (storage ? underLease(storage, PREFIX + name, delay, work) : work()));
}

/** Work of one name goes one after the other within this page. */
function createQueue(): Exclusively {
  const tails = new Map<string, Promise<unknown>>();
  return (name, work) => {
    const before = tails.get(name) ?? Promise.resolve();
    const result = before.then(work, work);
    tails.set(name, result);
    const forget = () => {
      if (tails.get(name) === result) tails.delete(name);
    };
    result.then(forget, forget);
    return result;
  };
}

async function underLease<Result>(
  storage: LeaseStorage,
  key: string,
  delay: (milliseconds: number) => Promise<void>,
  work: () => Promise<Result>,
): Promise<Result> {
  const holder = Math.random().toString(36).slice(2);
  for (;;) {
    if (!isHeld(storage, key)) {
      write(storage, key, holder);
      // Another tab may have written at the same moment: the last one has it.
      await delay(10);
      if (holderOf(storage, key) === holder) break;
    }
    await delay(POLL_MILLISECONDS);
  }
  const renewal = setInterval(() => write(storage, key, holder), LEASE_MILLISECONDS / 3);
  try {
    return await work();
  } finally {
    clearInterval(renewal);
    if (holderOf(storage, key) === holder) storage.removeItem(key);
  }
}

function write(storage: LeaseStorage, key: string, holder: string): void {
  storage.setItem(key, `${String(Date.now() + LEASE_MILLISECONDS)} ${holder}`);
}

function isHeld(storage: LeaseStorage, key: string): boolean {
  return Number(storage.getItem(key)?.split(' ')[0] ?? 0) > Date.now();
}

function holderOf(storage: LeaseStorage, key: string): string | undefined {
  return storage.getItem(key)?.split(' ')[1];
}
