/**
 * The wallet and its notifications as they change. `startRealtime()` once in main.ts, then `wallet`, `notifications`,
 * `onTransaction` and `onNotification` anywhere; `connection.value` is 'fine', 'reconnecting' or 'offline', for the banner.
 */

export { connection, onRecovered, type Connection } from './connection';
export { TransactionFields, type Notification, type Transaction } from './documents';
export { isolated } from './isolated';
export { onNotification, onTransaction } from './listeners';
export { startRealtime, walletFailure, wasRestored } from './live';
export {
  loadOlderNotifications,
  markNotificationsRead,
  notifications,
  unreadNotifications,
  type Notifications,
} from './notifications';
export { loadOlder, noteTransaction, wallet, type Wallet } from './wallet';
