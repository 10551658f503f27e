import { describe, expect, it } from 'vitest';
import type { Transaction } from '@/realtime/documents';
import { admits, EVERYTHING, filterFrom, inputOf, isEverything, queryOf } from './filter';

const transaction = {
  kind: 'TRANSFER',
  direction: 'INCOMING',
  counterparty: { id: 'u1' },
  createdAt: new Date(2026, 10, 22, 12).toISOString(),
} as Transaction;

describe('the filter of the activity', () => {
  it('goes into the address of the page and comes back the same', () => {
    const filter = { ...EVERYTHING, text: 'rent', direction: 'OUTGOING' as const, from: '2026-11-01' };
    expect(filterFrom(queryOf(filter))).toEqual(filter);
    expect(queryOf(EVERYTHING)).toEqual({});
    expect(isEverything(filterFrom({}))).toBe(true);
  });

  it('takes nothing from the address that it does not know', () => {
    expect(filterFrom({ direction: 'SIDEWAYS', kind: ['TRANSFER'], from: 'yesterday' })).toEqual(EVERYTHING);
  });

  it('includes both days, by the calendar of this place', () => {
    const input = inputOf({ ...EVERYTHING, from: '2026-11-22', to: '2026-11-22' });
    expect(new Date(input.createdFrom ?? 0).getTime()).toBe(new Date(2026, 10, 22).getTime());
    expect(new Date(input.createdBefore ?? 0).getTime()).toBe(new Date(2026, 10, 23).getTime());
  });

  it.each([
    [{}, true],
    [{ direction: 'INCOMING' }, true],
    [{ direction: 'OUTGOING' }, false],
    [{ kind: 'TOP_UP' }, false],
    [{ counterpartyId: 'u2' }, false],
    [{ from: '2026-11-22', to: '2026-11-22' }, true],
    [{ to: '2026-11-21' }, false],
    [{ from: '2026-11-23' }, false],
    [{ text: 'rent' }, null],
    [{ text: 'rent', direction: 'OUTGOING' }, false],
  ] as const)('admits what comes meanwhile, or leaves it to the service: %j', (change, expected) => {
    expect(admits({ ...EVERYTHING, ...change }, transaction)).toBe(expected);
  });
});
