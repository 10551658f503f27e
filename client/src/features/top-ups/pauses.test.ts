import { describe, expect, it } from 'vitest';
import { pauseAfter } from './pauses';

describe('looking at a top-up', () => {
  it('begins soon, becomes more seldom, and goes on', () => {
    const pauses = [0, 1, 5, 20, 1_000].map(pauseAfter);
    expect(pauses[0]).toBe(1_500);
    expect([...pauses].sort((one, other) => one - other)).toEqual(pauses);
    expect(pauses.at(-1)).toBe(15_000);
  });
});
