/** What a token may do, in words, and what a new one is suggested. */
import { currencyDecimals } from '@/lib/money';

import { serviceTime } from '@/lib/clock';

export const SCOPES = [
  { value: 'READ_PROFILE', label: 'See your profile', short: 'profile' },
  { value: 'READ_TRANSACTIONS', label: 'See your balance and transactions', short: 'transactions' },
  { value: 'SEARCH_USERS', label: 'Search for people', short: 'people' },
  { value: 'ADD_BALANCE', label: 'Add balance', short: 'add balance' },
  { value: 'SEND_MONEY', label: 'Send money', short: 'send money' },
] as const;

export type Scope = (typeof SCOPES)[number]['value'];

/** "transactions, send money". */
export function scopeWords(scopes: readonly string[]): string {
  return SCOPES.filter((scope) => scopes.includes(scope.value))
    .map((scope) => scope.short)
    .join(', ');
}

/** What a new token that sends money is suggested to send at most in 24 hours. */
export function suggestedDailyLimit(currency: string): string {
  return currencyDecimals(currency) === 0 ? '10000' : '100';
}

export const LIFETIMES = [
  { value: '30', label: '30 days' },
  { value: '90', label: '90 days' },
  { value: '365', label: 'A year' },
  { value: '', label: 'No end' },
];

const DAY_MILLISECONDS = 86_400_000;

/** When a token of that many days ends, as the API takes it; null for one without end. */
export function expiryOf(days: string, now = serviceTime()): string | null {
  return days === '' ? null : new Date(now + Number(days) * DAY_MILLISECONDS).toISOString();
}
