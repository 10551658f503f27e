import { describe, expect, it } from 'vitest';
import { ServiceClock } from './clock';

const NOON = Date.UTC(2026, 10, 28, 12);
const DAY = 86_400_000;
const header = (time: number) => new Date(time).toUTCString();

/** A device whose wall clock is off by `wrongBy`; `pass` lets time go by, `sleep` stops the monotonic clock. */
function device(wrongBy = 0) {
  const state = { wall: NOON + wrongBy, monotonic: 5_000 };
  const clock = new ServiceClock({ wall: () => state.wall, monotonic: () => state.monotonic });
  return {
    clock,
    state,
    pass: (milliseconds: number) => {
      state.wall += milliseconds;
      state.monotonic += milliseconds;
    },
    sleep: (milliseconds: number) => (state.wall += milliseconds),
  };
}

describe('the time by the service’s clock', () => {
  it.each([-3 * DAY, 40 * DAY])('does not follow a device whose clock is off by %d', (wrongBy) => {
    const { clock, pass, state } = device(wrongBy);
    expect(clock.measure(header(NOON), state.monotonic)).toBe(true);
    expect(Math.abs(clock.now() - NOON)).toBeLessThan(2_000);
    pass(DAY);
    expect(Math.abs(clock.now() - NOON - DAY)).toBeLessThan(2_000);
  });

  it('stays what it is while answers agree with it, as exact as their headers can', () => {
    const { clock, pass, state } = device();
    for (const age of [0, 900, 1_900]) {
      pass(1_000);
      const before = clock.now();
      expect(clock.measure(header(state.wall - age), state.monotonic)).toBe(false);
      expect(clock.now()).toBe(before);
    }
  });

  it('learns nothing from an answer without a date, or one that took too long', () => {
    const { clock, state } = device(DAY);
    expect(clock.measure(null, state.monotonic)).toBe(false);
    expect(clock.measure(header(NOON), state.monotonic - 11_000)).toBe(false);
    expect(clock.now()).toBe(NOON + DAY);
  });

  it('goes on while the machine sleeps', () => {
    const { clock, sleep } = device();
    sleep(DAY);
    expect(clock.now()).toBe(NOON + DAY);
    expect(clock.isDoubtful()).toBe(true);
  });

  it('does not go back with a clock that is set back, and is right after the next answer', () => {
    const { clock, state, pass } = device();
    state.wall -= 2 * DAY;
    pass(60_000);
    expect(clock.now()).toBe(NOON + 60_000);
    expect(clock.isDoubtful()).toBe(true);
    clock.measure(header(NOON + 60_000), state.monotonic);
    expect(clock.isDoubtful()).toBe(false);
    expect(clock.now()).toBe(NOON + 60_000);
  });
});
