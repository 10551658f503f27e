/** The time by the service's clock: correct even if the device's clock is wrong, and reactive. */

import { computed, shallowRef } from 'vue';

/** A response's Date header is up to two seconds old: one for its resolution, one because the server caches it. */
const HEADER_AGE_MILLISECONDS = 2_000;
const TOLERANCE_MILLISECONDS = 500;
/** A slower response is too imprecise. */
const LONGEST_ANSWER_MILLISECONDS = 10_000;
const MINUTE_MILLISECONDS = 60_000;
const WATCH_MILLISECONDS = 5_000;
/** If a timer is this late, or the clocks differ by this much, the device slept or its clock was set. */
const JUMP_MILLISECONDS = 30_000;

export interface DeviceClocks {
  /** The clock that the user can set. */
  wall(): number;
  /** A monotonic clock in milliseconds; on some devices it stops during sleep. */
  monotonic(): number;
}

/** Derives the service's time from its responses. Until the first one it is the device's time. */
export class ServiceClock {
  private base: { time: number; wall: number; monotonic: number };

  constructor(private readonly device: DeviceClocks) {
    this.base = { time: device.wall(), wall: device.wall(), monotonic: device.monotonic() };
  }

  now(): number {
    const { wall, monotonic } = this.elapsed();
    // During sleep only the wall clock advances; when that is set back, only the monotonic one does.
    return this.base.time + Math.max(wall, monotonic);
  }

  /** Evaluates the response to a request sent at `sentAt` by the monotonic clock. Returns whether the time was corrected. */
  measure(dateHeader: string | null, sentAt: number): boolean {
    const date = Date.parse(dateHeader ?? '');
    const took = this.device.monotonic() - sentAt;
    if (Number.isNaN(date) || took > LONGEST_ANSWER_MILLISECONDS) return false;
    const latest = date + HEADER_AGE_MILLISECONDS + took;
    const before = this.now();
    const isRight = before >= date - TOLERANCE_MILLISECONDS && before <= latest + TOLERANCE_MILLISECONDS;
    this.set(isRight ? before : (date + latest) / 2);
    return !isRight;
  }

  /** Whether the device's two clocks have diverged since the last response: the time is an estimate. */
  isDoubtful(): boolean {
    const { wall, monotonic } = this.elapsed();
    return Math.abs(wall - monotonic) > HEADER_AGE_MILLISECONDS;
  }

  private elapsed(): { wall: number; monotonic: number } {
    return { wall: this.device.wall() - this.base.wall, monotonic: this.device.monotonic() - this.base.monotonic };
  }

  private set(time: number): void {
    this.base = { time, wall: this.device.wall(), monotonic: this.device.monotonic() };
  }
}

const clock = new ServiceClock({ wall: () => Date.now(), monotonic: () => performance.now() });

/** Milliseconds since 1970 by the service's clock, at this moment. */
export const serviceTime = (): number => clock.now();

/** Reports the Date header of an answer; `sentAt` by `performance.now()`. */
export function noteServiceTime(dateHeader: string | null, sentAt: number): void {
  if (clock.measure(dateHeader, sentAt)) tick();
}

const shown = shallowRef(0);
const startOfToday = computed(() => new Date(now()).setHours(0, 0, 0, 0));
let timer: ReturnType<typeof setTimeout> | undefined;

/** The same, reactive: it changes with each minute, and when the page is looked at again. */
export function now(): number {
  if (shown.value === 0) tick();
  return shown.value;
}

/** The first instant of today in this time zone; reactive. */
export const today = (): number => startOfToday.value;

function tick(): void {
  shown.value = clock.now();
  clearTimeout(timer);
  timer = setTimeout(tick, MINUTE_MILLISECONDS - (shown.value % MINUTE_MILLISECONDS));
}

const wakeListeners = new Set<() => void>();

/** Calls back when the page may have missed something: after sleep, or when the clock was set. Returns how to stop. */
export function onWake(listener: () => void): () => void {
  wakeListeners.add(listener);
  return () => wakeListeners.delete(listener);
}

let seen = clock.now();

function look(): void {
  const isLate = clock.now() - seen > JUMP_MILLISECONDS;
  seen = clock.now();
  if (document.visibilityState !== 'visible' || !(isLate || clock.isDoubtful())) return;
  tick();
  for (const listener of [...wakeListeners]) listener();
}

/** Call it once in main.ts. */
export function watchClock(): void {
  setInterval(look, WATCH_MILLISECONDS);
  const lookAgain = () => {
    look();
    tick();
  };
  for (const event of ['focus', 'pageshow']) addEventListener(event, lookAgain);
  document.addEventListener('visibilitychange', lookAgain);
}
