/** Whether a user shows their balance on this device. */

import { stored } from '@/lib/storage';
import { perUser } from '@/lib/user-scope';

export const balanceShown = perUser(({ userId }) =>
  stored(`mini-wallet.balance-shown.${userId ?? ''}`, ['yes', 'no'] as const, 'yes'),
);
