// @vitest-environment jsdom
import { expect, test } from 'vitest';
import { labelStep, monthLabel, steppedLine, tickLabel, ticksOf, xOf, yOf, type Frame } from './charts';

const frame: Frame = { width: 300, height: 200, left: 50, right: 10, top: 10, bottom: 20 };

test('the labelled amounts are round, begin at 0 and include the highest', () => {
  expect(ticksOf(1000)).toEqual([0, 250, 500, 750, 1000]);
  expect(ticksOf(1001)).toEqual([0, 500, 1000, 1500]);
  expect(ticksOf(0.05)).toHaveLength(4);
  expect(ticksOf(0)).toEqual([0, 1]);
  for (const highest of [0.01, 0.3, 7, 99, 12_345, 9e15]) {
    const ticks = ticksOf(highest);
    expect(ticks.at(-1)).toBeGreaterThanOrEqual(highest * (1 - 1e-9));
    expect(ticks.length).toBeGreaterThanOrEqual(2);
    expect(ticks.length).toBeLessThanOrEqual(5);
  }
});

test('labels are short at any size', () => {
  expect(tickLabel(1500, 'USD', 'en-US')).toBe('$1.5K');
  expect(tickLabel(0, 'USD', 'en-US')).toBe('$0');
  expect(tickLabel(0.25, 'USD', 'en-US')).toBe('$0.25');
  expect(tickLabel(2_500_000, 'JPY', 'en-US')).toBe('¥2.5M');
});

test('the drawing reaches from edge to edge of its frame', () => {
  expect(yOf(0, 100, frame)).toBe(180);
  expect(yOf(100, 100, frame)).toBe(10);
  expect(xOf(0, 5, frame)).toBe(50);
  expect(xOf(4, 5, frame)).toBe(290);
});

test('a balance stays until it changes', () => {
  expect(steppedLine([{ x: 0, y: 9 }, { x: 5, y: 4 }, { x: 8, y: 4 }])).toBe('M0 9H5V4H8V4');
});

test('labels of dates do not touch', () => {
  expect(labelStep(12, 600, 50)).toBe(1);
  expect(labelStep(12, 240, 50)).toBe(3);
  expect(labelStep(60, 0, 50)).toBeGreaterThan(60);
  expect(monthLabel('2026-11-01', false, 'en-US')).toBe('Nov');
  expect(monthLabel('2026-11-01', true, 'en-US')).toBe('Nov 26');
});
