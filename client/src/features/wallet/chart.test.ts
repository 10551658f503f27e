import { describe, expect, it } from 'vitest';
import { shapeOf } from './chart';

const frame = { from: 0, to: 100, width: 200, height: 100 };

describe('the shape of the balance', () => {
  it('steps where money moved, and holds until the next', () => {
    const shape = shapeOf([{ time: 0, value: 10 }, { time: 50, value: 30 }], frame);
    expect(shape).toEqual({ line: 'M0 92H100V0H200', area: 'M0 92H100V0H200V100H0Z' });
  });

  it('lies flat where nothing changed', () => {
    expect(shapeOf([{ time: 0, value: 10 }], frame)?.line).toBe('M0 50H200');
  });

  it('is nothing without a point or without time', () => {
    expect(shapeOf([], frame)).toBeNull();
    expect(shapeOf([{ time: 0, value: 1 }], { ...frame, to: 0 })).toBeNull();
  });
});
