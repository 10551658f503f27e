/** What is said of exports and of closed accounts. */

import type { Notification } from '@/realtime';

const UNITS = ['bytes', 'kB', 'MB', 'GB'];

/** "12 kB". */
export function sizeInWords(bytes: number): string {
  let size = bytes;
  let unit = 0;
  while (size >= 999.5 && unit < UNITS.length - 1) {
    size /= 1000;
    unit += 1;
  }
  const digits = unit > 1 && size < 10 ? 1 : 0;
  return `${size.toLocaleString(undefined, { maximumFractionDigits: digits })} ${UNITS[unit] ?? ''}`;
}

const REOPENED = 'Your account was reopened';

/** Whether it says that signing in has reopened the account. */
export const isOfReopening = ({ kind, message }: Pick<Notification, 'kind' | 'message'>): boolean =>
  kind === 'SECURITY_CHANGED' && message.startsWith(REOPENED);
