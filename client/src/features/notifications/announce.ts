/**
 * Announces new notifications with a toast, also to screen readers. Received money is announced by its transaction, and
 * what the user has changed on this page by its form.
 */

import { hasJustChanged } from '@/features/accounts/answers';
import { onNotification } from '@/realtime';
import { startForEachUser } from '@/lib/user-scope';
import { showToast } from '@/ui/toasts';
import { lookOf, placeOf, sentenceOf } from './kinds';

/** Call it once in main.ts. */
export function announceNotifications(): void {
  startForEachUser((scope) => {
    scope.onEnd(
      onNotification((notification) => {
        if (notification.kind === 'MONEY_RECEIVED') return;
        if (notification.kind === 'SECURITY_CHANGED' && hasJustChanged()) return;
        showToast({
          title: sentenceOf(notification),
          tone: lookOf(notification).tone,
          to: placeOf(notification) ?? { name: 'notifications' },
        });
      }),
    );
  });
}
