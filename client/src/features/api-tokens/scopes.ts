/** The permissions of API tokens in words, and the defaults for a new token. */
import { currencyDecimals } from '@/lib/money';

import { serviceTime } from '@/lib/clock';

export const SCOPES = [
  { value: 'READ_PROFILE', label: 'View your profile', short: 'profile' },
  { value: 'READ_TRANSACTIONS', label: 'View your balance and transactions', short: 'transactions' },
  { value: 'SEARCH_USERS', label: 'Search for people', short: 'people' },
  { value: 'ADD_BALANCE', label: 'Add money', short: 'add money' },
  { value: 'SEND_MONEY', label: 'Send money', short: 'send money' },
  { value: 'REQUEST_MONEY', label: 'Request money', short: 'request money' },
  { value: 'SCHEDULE_TRANSFERS', label: 'Manage scheduled transfers', short: 'scheduled transfers' },
  { value: 'MANAGE_WEBHOOKS', label: 'Manage webhooks', short: 'webhooks' },
] as const;

export type Scope = (typeof SCOPES)[number]['value'];

/** "transactions, send money". */
export function scopeWords(scopes: readonly string[]): string {
  return SCOPES.filter((scope) => scopes.includes(scope.value))
    .map((scope) => scope.short)
    .join(', ');
}

/** The default daily limit of a new token that sends money. */
export function suggestedDailyLimit(currency: string): string {
  return currencyDecimals(currency) === 0 ? '10000' : '100';
}

export const LIFETIMES = [
  { value: '30', label: '30 days' },
  { value: '90', label: '90 days' },
  { value: '365', label: '1 year' },
  { value: '', label: 'No expiry' },
];

const DAY_MILLISECONDS = 86_400_000;

/** When a token with that lifetime expires; null if it does not. */
export function expiryOf(days: string, now = serviceTime()): string | null {
  return days === '' ? null : new Date(now + Number(days) * DAY_MILLISECONDS).toISOString();
}
