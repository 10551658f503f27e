/**
 * The wallet as it changes. `startRealtime()` once in main.ts, then `wallet` and `onTransaction` anywhere;
 * `connection.value` is 'fine', 'reconnecting' or 'offline', for the banner.
 */

export { connection, onRecovered, type Connection } from './connection';
export { TransactionFields, type Transaction } from './documents';
export { isolated } from './isolated';
export { onTransaction } from './listeners';
export { loadOlder, noteTransaction, startRealtime, wallet, walletFailure, type Wallet } from './wallet';
