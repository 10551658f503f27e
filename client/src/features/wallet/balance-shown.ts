/** Whether a user shows their balance on this device. */

import { browserStorage, stored } from '@/lib/storage';
import { perUser } from '@/lib/user-scope';

const keyOf = (userId: string | null) => `mini-wallet.balance-shown.${userId ?? ''}`;

export const balanceShown = perUser(({ userId }) => stored(keyOf(userId), ['yes', 'no'] as const, 'yes'));

/** Whether that user, who may not be signed in yet, hides it. */
export const isBalanceHiddenFor = (userId: string): boolean => browserStorage.getItem(keyOf(userId)) === 'no';
