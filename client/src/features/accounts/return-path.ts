/** The page a new user wanted to see before they registered: kept until the address is verified, maybe in another tab. */

import { draftKey } from '@/features/payments/payment-store';
import { pathWithin } from '@/lib/paths';
import { browserStorage } from '@/lib/storage';
import { userScope } from '@/lib/user-scope';

const place = (): string => draftKey(userScope().userId ?? '', 'return');

/** Call it once the new user is signed in; anything but a path of this client is not kept. */
export function keepReturnPath(next: unknown): void {
  const path = pathWithin(next);
  if (path !== '/') browserStorage.setItem(place(), path);
}

/** Home if nothing is kept for the signed-in user. */
export const returnPath = (): string => pathWithin(browserStorage.getItem(place()));

/** Once the user has arrived. */
export function forgetReturnPath(): void {
  browserStorage.removeItem(place());
}
