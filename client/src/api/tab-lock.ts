/** Runs work in one tab at a time, by Web Locks or, if these are missing, by leases in storage. */

const LEASE_MILLISECONDS = 10_000;
const POLL_MILLISECONDS = 100;
const PREFIX = 'mini-wallet.lock.';

/** The part of `navigator.locks` that is used. */
export interface Locks {
  request<Result>(name: string, work: () => Promise<Result>): Promise<Result>;
}

/** The part of `localStorage` that is used. */
export type LeaseStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

/** Runs work while no other tab runs work with the same name. */
export type Exclusively = <Result>(name: string, work: () => Promise<Result>) => Promise<Result>;

/** If `locks` throws or is missing, `storage` is used; if that fails too, work is serialized within this page only. */
export function createExclusively(
  locks: () => Locks | null | undefined,
  storage: () => LeaseStorage | null | undefined,
  delay: (milliseconds: number) => Promise<void>,
): Exclusively {
  const queue = createQueue();
  const byLease: Exclusively = (name, work) =>
    queue(name, () => {
      const leases = attempt(storage);
      return leases && keeps(leases) ? underLease(leases, PREFIX + name, delay, work) : work();
    });
  return async (name, work) => {
    // Missing in insecure contexts (plain http on any host but localhost); throws if site data is blocked.
    const available = attempt(locks);
    if (!available) return byLease(name, work);
    let isBegun = false;
    try {
      return await available.request(PREFIX + name, () => {
        isBegun = true;
        return work();
      });
    } catch (error) {
      if (isBegun) throw error;
      return byLease(name, work);
    }
  };
}

function attempt<Found>(find: () => Found): Found | null {
  try {
    return find();
  } catch {
    return null;
  }
}

function keeps(storage: LeaseStorage): boolean {
  const key = `${PREFIX}probe`;
  return (
    attempt(() => {
      storage.setItem(key, key);
      const isKept = storage.getItem(key) === key;
      storage.removeItem(key);
      return isKept;
    }) ?? false
  );
}

/** Serializes work with the same name within this page. */
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
      // Another tab may have written at the same moment: the last write wins.
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
  const left = Number(storage.getItem(key)?.split(' ')[0] ?? 0) - Date.now();
  // A lease that ends too late was written before the device's clock was set back.
  return left > 0 && left <= LEASE_MILLISECONDS;
}

function holderOf(storage: LeaseStorage, key: string): string | undefined {
  return storage.getItem(key)?.split(' ')[1];
}
