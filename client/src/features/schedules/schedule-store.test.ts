// @vitest-environment jsdom
import { expect, test } from 'vitest';
import { forgetOthers } from '@/features/payments/payment-store';
import { BrowserStorage } from '@/lib/storage';
import { NOW } from './choice';
import { isSameWanted, ScheduleStore, type Wanted } from './schedule-store';

const wanted: Wanted = {
  recipient: { id: 'U1', name: 'Bo', emailHint: 'b…@example.com' },
  amount: { amount: '850.00', currency: 'USD' },
  note: 'Rent',
  startsOn: '2027-01-31',
  recurrence: { unit: 'MONTH', interval: 1 },
  endsOn: null,
};
const kept = { choice: { ...NOW, when: 'repeat' as const }, pending: { key: 'K1', wanted, isOpen: true } };

function memory(): BrowserStorage {
  return new BrowserStorage(() => {
    throw new Error('Storage is blocked.');
  });
}

test('what is being scheduled survives a reload for half a day', () => {
  const storage = memory();
  let now = 0;
  const store = new ScheduleStore(storage, 'alpha', () => now);
  store.write(kept);
  expect(new ScheduleStore(storage, 'alpha', () => now).read()).toMatchObject(kept);
  expect(new ScheduleStore(storage, 'beta', () => now).read()).toBeNull();
  now = 13 * 60 * 60_000;
  expect(store.read()).toBeNull();
  store.write({ choice: NOW, pending: null });
  expect(storage.keys()).toEqual([]);
});

test('it is removed when another user signs in, or nobody is', () => {
  const storage = memory();
  const store = new ScheduleStore(storage, 'alpha', Date.now);
  store.write(kept);
  forgetOthers(storage, 'alpha');
  expect(store.read()).not.toBeNull();
  forgetOthers(storage, 'beta');
  expect(store.read()).toBeNull();
  store.write(kept);
  forgetOthers(storage, null);
  expect(store.read()).toBeNull();
});

test('the same is wanted if all that the service compares is equal', () => {
  expect(isSameWanted(wanted, { ...wanted, note: ' Rent ', recipient: { ...wanted.recipient, name: 'Bo B.' } })).toBe(true);
  for (const change of [{ note: '' }, { startsOn: '2027-02-01' }, { endsOn: '2028-01-01' }, { recurrence: null }]) {
    expect(isSameWanted(wanted, { ...wanted, ...change })).toBe(false);
  }
});
