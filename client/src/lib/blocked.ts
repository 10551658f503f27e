/** Detects what the browser blocks for this page. */

import { browserStorage } from '@/lib/storage';

const PROBE = 'mini_wallet_probe';

/** Whether this browser blocks cookies for this site, so that a session ends with its tab. */
export function areCookiesBlocked(): boolean {
  try {
    if (!navigator.cookieEnabled) return true;
    document.cookie = `${PROBE}=1; path=/; SameSite=Strict`;
    const isKept = document.cookie.includes(`${PROBE}=1`);
    document.cookie = `${PROBE}=; path=/; SameSite=Strict; max-age=0`;
    return !isKept;
  } catch {
    return true;
  }
}

/** Whether this browser blocks storage for this site, so that nothing survives a reload. */
const isStorageBlocked = (): boolean => !browserStorage.isKept();

/** What a user needs to know before signing in; empty if nothing is blocked. */
export function blockedForSignIn(): string {
  if (!areCookiesBlocked()) return '';
  return 'This browser blocks cookies for this site. You stay signed in only in this tab, until you close or reload it.';
}

/** What a user needs to know before sending money; empty if nothing is blocked. */
export function blockedForPayments(): string {
  if (!isStorageBlocked()) return '';
  return 'This browser blocks storage for this site. After sending, stay on this page until the payment is confirmed.';
}
