/** The filter of the activity, stored in the query of the page's URL. */

import type { LocationQuery } from 'vue-router';
import type { Transaction } from '@/realtime';
import { KINDS, type TransactionKind } from './kinds';

export interface ActivityFilter {
  text: string;
  direction: '' | 'INCOMING' | 'OUTGOING';
  kind: '' | TransactionKind;
  counterpartyId: string;
  /** Local dates, such as "2026-11-22"; both are inclusive. */
  from: string;
  to: string;
}

export const EVERYTHING: ActivityFilter = {
  text: '',
  direction: '',
  kind: '',
  counterpartyId: '',
  from: '',
  to: '',
};

const DAY = /^\d{4}-\d{2}-\d{2}$/;

export function isEverything(filter: ActivityFilter): boolean {
  return Object.values(filter).every((value) => value === '');
}

export function filterFrom(query: LocationQuery): ActivityFilter {
  const text = (name: string) => (typeof query[name] === 'string' ? query[name] : '');
  const oneOf = <Value extends string>(name: string, values: readonly Value[]) =>
    values.find((value) => value === text(name)) ?? '';
  return {
    text: text('text').slice(0, 100),
    direction: oneOf('direction', ['INCOMING', 'OUTGOING'] as const),
    kind: oneOf('kind', Object.keys(KINDS) as TransactionKind[]),
    counterpartyId: text('counterpartyId'),
    from: DAY.test(text('from')) ? text('from') : '',
    to: DAY.test(text('to')) ? text('to') : '',
  };
}

/** Without empty values. */
export function queryOf(filter: ActivityFilter): Record<string, string> {
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== ''));
}

/** As the API takes it: from the start of the first day until the start of the day after the last, exclusive. */
export function inputOf(filter: ActivityFilter) {
  return {
    text: filter.text.trim() || undefined,
    direction: filter.direction || undefined,
    kind: filter.kind || undefined,
    counterpartyId: filter.counterpartyId || undefined,
    createdFrom: filter.from ? startOf(filter.from).toISOString() : undefined,
    createdBefore: filter.to ? startOf(filter.to, 1).toISOString() : undefined,
  };
}

/** Whether a new transaction matches; null if only the service can tell, as for text. */
export function admits(filter: ActivityFilter, transaction: Transaction): boolean | null {
  if (filter.direction && transaction.direction !== filter.direction) return false;
  if (filter.kind && transaction.kind !== filter.kind) return false;
  if (filter.counterpartyId && transaction.counterparty?.id !== filter.counterpartyId) return false;
  const instant = new Date(transaction.createdAt);
  if (filter.from && instant < startOf(filter.from)) return false;
  if (filter.to && instant >= startOf(filter.to, 1)) return false;
  return filter.text.trim() ? null : true;
}

function startOf(day: string, daysLater = 0): Date {
  const [year = 1970, month = 1, date = 1] = day.split('-').map(Number);
  return new Date(year, month - 1, date + daysLater);
}
