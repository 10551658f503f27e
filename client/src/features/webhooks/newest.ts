/** How far the streams are that webhooks deliver. */

import { notifications, wallet } from '@/realtime';
import type { Stream } from './words';

/** The number of the newest event of a stream; 0 before the first. Reactive. */
export function newestOf(stream: Stream): number {
  return (stream === 'WALLET_EVENTS' ? wallet.value?.sequence : notifications.value?.newest) ?? 0;
}
