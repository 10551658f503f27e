// @vitest-environment jsdom
import { expect, test } from 'vitest';
import { faultsOf, INSIGHTS_RANGES, rangeFrom, STATEMENT_RANGES } from './ranges';

const rangesOn = (today: string) => Object.fromEntries([...STATEMENT_RANGES, ...INSIGHTS_RANGES].map(({ label, on }) => [label, on(today)]));

test('months and years begin and end by the calendar, and none goes beyond today', () => {
  expect(rangesOn('2026-11-28')).toEqual({
    'This month': { from: '2026-11-01', to: '2026-11-28' },
    'Last month': { from: '2026-10-01', to: '2026-10-31' },
    'Last 12 months': { from: '2025-12-01', to: '2026-11-28' },
    'This year': { from: '2026-01-01', to: '2026-11-28' },
    'Last year': { from: '2025-01-01', to: '2025-12-31' },
  });
});

test('in January the last month is of the last year', () => {
  expect(rangesOn('2028-01-01')).toMatchObject({
    'This month': { from: '2028-01-01', to: '2028-01-01' },
    'Last month': { from: '2027-12-01', to: '2027-12-31' },
    'Last year': { from: '2027-01-01', to: '2027-12-31' },
  });
  expect(rangesOn('2028-03-31')['Last month']).toEqual({ from: '2028-02-01', to: '2028-02-29' });
});

test('an address without two dates has no range', () => {
  expect(rangeFrom({ from: '2026-01-01', to: '2026-01-31' })).toEqual({ from: '2026-01-01', to: '2026-01-31' });
  expect(rangeFrom({ from: '2026-01-01' })).toBeNull();
  expect(rangeFrom({ from: '2026-02-31', to: 'x' })).toBeNull();
});

test('each mistake is told at its field', () => {
  const today = '2026-11-28';
  expect(faultsOf({ from: '2026-11-28', to: '2026-11-28' }, today)).toEqual({});
  expect(faultsOf({ from: '', to: '' }, today)).toEqual({ from: 'Choose the first day.', to: 'Choose the last day.' });
  expect(faultsOf({ from: '2026-11-02', to: '2026-11-01' }, today)).toEqual({ to: 'The last day can’t be before the first day.' });
  expect(faultsOf({ from: '2026-11-02', to: '2026-11-29' }, today)).toEqual({ to: 'The last day can’t be after today.' });
});
