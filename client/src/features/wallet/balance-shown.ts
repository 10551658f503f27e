/** Whether a user wants their balance to be seen on this device. */

import { stored } from '@/lib/storage';
import { perUser } from '@/lib/user-scope';

export const balanceShown = perUser(({ userId }) =>
  stored(`mini-wallet.balance-shown.${userId ?? ''}`, ['yes', 'no'] as const, 'yes'),
);
