import { expect, test } from 'vitest';
import { zoneName, zoneOptions } from './time-zones';

test('every zone can be chosen once, also one that this browser does not know', () => {
  const values = zoneOptions('Europe/Berlin', 'Mars/Olympus_Mons').map(({ value }) => value);
  expect(values[0]).toBe('UTC');
  expect(values).toContain('Mars/Olympus_Mons');
  expect(new Set(values).size).toBe(values.length);
  expect(zoneName('America/New_York')).toBe('America/New York');
});
