/** Client for Mini Wallet: exact amounts, payments that are sent once, events that resume. */

export * from './errors.js';
export type * from './generated.js';
export type { ConfirmedOptions, KeyedOptions, MoveOptions, Recipient } from './inputs.js';
export type { RequestOptions, SplitOptions } from './requests.js';
export { RETRIES, type Retries } from './retries.js';
export type { ScheduleOptions } from './schedules.js';
export type { StreamTransport } from './streams.js';
export type { Session } from './transport.js';
export {
  type Amount,
  type Decimal,
  type Money,
  type Open,
  type Refusal,
  type UserError,
  compareDecimals,
  decimal,
  decimalsOf,
  fromMinorUnits,
  isUserError,
  minorUnits,
  newKey,
} from './values.js';
export {
  type CreateWebhookOptions,
  type ListenOptions,
  type SendOptions,
  Wallet,
  type WalletOptions,
} from './wallet.js';
export {
  type HeadersOfRequest,
  TOLERANCE_SECONDS,
  type VerifyOptions,
  type WebhookEvent,
  notification,
  verifyWebhook,
  walletEvent,
} from './webhooks.js';
