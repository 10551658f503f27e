/**
 * Announces new notifications with a toast, also to screen readers. Received money is announced by its transaction, and
 * what the user has changed on this page by its form.
 */

import { hasJustChanged } from '@/features/accounts/answers';
import { onNotification } from '@/realtime';
import { startForEachUser } from '@/lib/user-scope';
import { showToast } from '@/ui/toasts';

/** Call it once in main.ts. */
export function announceNotifications(): void {
  startForEachUser((scope) => {
    let isOver = false;
    scope.onEnd(() => (isOver = true));
    scope.onEnd(
      onNotification((notification) => {
        if (notification.kind === 'MONEY_RECEIVED') return;
        if (notification.kind === 'SECURITY_CHANGED' && hasJustChanged()) return;
        // The first page loads without the words for every kind; where they cannot be loaded, the service's sentence will do.
        void import('./kinds').then(
          ({ lookOf, placeOf, sentenceOf }) => {
            const to = placeOf(notification) ?? { name: 'notifications' };
            if (!isOver) showToast({ title: sentenceOf(notification), tone: lookOf(notification).tone, to });
          },
          () => {
            if (!isOver) showToast({ title: notification.message, tone: 'plain', to: { name: 'notifications' } });
          },
        );
      }),
    );
  });
}
