/** Webhooks in words. */

import { formatDateTime } from '@/lib/dates';
import type { Attempt, Webhook } from './documents';

export const STATUSES = {
  ACTIVE: { label: 'Active', look: 'bg-incoming-soft text-incoming' },
  PAUSED: { label: 'Paused', look: 'bg-sunken text-ink' },
  DISABLED: { label: 'Disabled', look: 'bg-danger-soft text-danger' },
} as const;

export type Stream = Webhook['stream'];

export const STREAMS: { value: Stream; label: string; hint: string }[] = [
  { value: 'WALLET_EVENTS', label: 'Transactions', hint: 'Money you add, send and receive.' },
  { value: 'NOTIFICATIONS', label: 'Notifications', hint: 'Everything that appears in your notifications.' },
];

export const streamWords = (stream: Stream): string =>
  STREAMS.find(({ value }) => value === stream)?.label ?? 'Events';

/** The host that is told; the whole address if it is not a URL. */
export function hostOf(url: string): string {
  try {
    return new URL(url).host;
  } catch {
    return url;
  }
}

/** The rest of the address, such as "/hooks?shop=1". */
export function pathOf(url: string): string {
  try {
    const { pathname, search } = new URL(url);
    return pathname + search;
  } catch {
    return '';
  }
}

export const isDelivered = ({ responseStatus }: Pick<Attempt, 'responseStatus'>): boolean =>
  responseStatus !== null && responseStatus >= 200 && responseStatus < 300;

/** "Accepted (200)", "Answered 500", "No answer". */
export function outcomeOf(attempt: Pick<Attempt, 'responseStatus'>): string {
  if (attempt.responseStatus === null) return 'No answer';
  return isDelivered(attempt)
    ? `Accepted (${String(attempt.responseStatus)})`
    : `Answered ${String(attempt.responseStatus)}`;
}

/** "85 ms", "1.2 s". */
export function durationOf(milliseconds: number): string {
  if (milliseconds < 1_000) return `${String(milliseconds)} ms`;
  return `${(milliseconds / 1_000).toFixed(1)} s`;
}

/** "Next attempt on 22 November 2026 at 14:05"; empty if there is none. */
export function nextAttemptOf({ nextAttemptAt }: Attempt): string {
  return nextAttemptAt === null ? '' : `Next attempt: ${formatDateTime(nextAttemptAt)}`;
}

/** How long an old secret keeps signing. */
export const OVERLAPS = [
  { value: '86400', label: 'For 24 hours' },
  { value: '3600', label: 'For 1 hour' },
  { value: '604800', label: 'For 7 days' },
  { value: '2592000', label: 'For 30 days' },
  { value: '0', label: 'Not at all: it ends now' },
];

/** The number of an event as typed; null if it is none. */
export function readNumber(typed: string): number | null {
  const text = typed.trim();
  return /^\d{1,9}$/.test(text) ? Number(text) : null;
}

export const SECRET_WORDS = 'Your endpoint needs it to check that a request comes from us.';
