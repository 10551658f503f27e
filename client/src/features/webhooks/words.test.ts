import { expect, test } from 'vitest';
import { durationOf, hostOf, outcomeOf, pathOf, readNumber } from './words';

test('an attempt is said in words', () => {
  expect(outcomeOf({ responseStatus: 204 })).toBe('Accepted (204)');
  expect(outcomeOf({ responseStatus: 302 })).toBe('Answered 302');
  expect(outcomeOf({ responseStatus: null })).toBe('No answer');
  expect(durationOf(85)).toBe('85 ms');
  expect(durationOf(15_000)).toBe('15.0 s');
});

test('the number of an event has digits alone', () => {
  expect(readNumber(' 12 ')).toBe(12);
  expect(['', '-1', '1.5', '1e3', '9999999999'].map(readNumber)).toEqual([null, null, null, null, null]);
});

test('a webhook is called by its host', () => {
  expect(hostOf('https://example.com:8443/hooks?x=1')).toBe('example.com:8443');
  expect(pathOf('https://example.com:8443/hooks?x=1')).toBe('/hooks?x=1');
  expect(hostOf('nonsense')).toBe('nonsense');
});
