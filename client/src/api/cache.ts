/** The configuration of Graphcache. */

import { cacheExchange, type Cache, type CacheExchangeOpts } from '@urql/exchange-graphcache';

const embedded = () => null;

/** Types without an id are stored in the object that contains them. */
const EMBEDDED_TYPES = [
  'Money',
  'MetadataEntry',
  'PageInfo',
  'TransactionConnection',
  'TransactionEdge',
  'UserConnection',
  'UserEdge',
  'TransferPreview',
  'RecipientCheck',
  'WalletSettings',
  'PusherSettings',
  'Credentials',
  'SignedIn',
  'FieldError',
  'TransactionPosted',
  'NotificationConnection',
  'NotificationEdge',
  'Operator',
  'PaymentRequestConnection',
  'PaymentRequestEdge',
  'SecuritySettings',
  'Statement',
  'Recurrence',
  'ScheduledRun',
  'ScheduledRunConnection',
  'ScheduledTransferConnection',
  'TopUpConnection',
  'TopUpEdge',
  'Insights',
  'InsightsBalance',
  'InsightsMonth',
  'InsightsOthers',
  'InsightsPerson',
  'WebhookAttemptConnection',
  'WebhookAttemptEdge',
  'WebhookAttempt',
];

/** The possible types of interfaces; a test compares them with the schema. */
export const POSSIBLE_TYPES: Record<string, string[]> = {
  Node: ['ApiToken', 'BillSplit', 'Notification', 'OperatedAccount', 'OperatorAction', 'Passkey', 'PaymentRequest', 'ScheduledTransfer', 'Session', 'TopUp', 'Transaction', 'User', 'Viewer', 'Webhook'],
  UserError: [
    'AccountRestricted',
    'BalanceLimitExceeded',
    'BalanceNotZero',
    'CannotPayYourself',
    'ConfirmationRequired',
    'EmailNotVerified',
    'HandleTaken',
    'IdempotencyKeyClosed',
    'IdempotencyKeyReused',
    'InsufficientFunds',
    'InvalidAmount',
    'InvalidCredentials',
    'InvalidInput',
    'InvalidSecondFactor',
    'InvalidToken',
    'InvalidWebhook',
    'NotAvailable',
    'NotFound',
    'NotReversible',
    'RecipientNotFound',
    'RequestClosed',
    'RequestNotAllowed',
    'TokenLimitExceeded',
    'TooLate',
    'TopUpPending',
    'WeakPassword',
  ],
  WalletEvent: ['TransactionPosted'],
};

const options: CacheExchangeOpts = {
  keys: Object.fromEntries(EMBEDDED_TYPES.map((name) => [name, embedded])),
  possibleTypes: POSSIBLE_TYPES,
  resolvers: {
    Query: {
      node: (_parent, { id }, cache) => {
        // An object that a list has loaded is shown on its own page immediately.
        for (const __typename of ['PaymentRequest', 'Transaction', 'User', 'Webhook']) {
          const key = cache.keyOfEntity({ __typename, id: id as string });
          if (key && cache.resolve(key, 'id')) return { __typename, id: id as string };
        }
        return cache.resolve('Query', 'node', { id: id as string }) as null;
      },
    },
  },
  updates: {
    Mutation: {
      createApiToken: (_result, _args, cache) => invalidateOfViewers(cache, 'apiTokens'),
      revokeApiToken: (_result, _args, cache) => invalidateOfViewers(cache, 'apiTokens'),
      revokeSession: (_result, _args, cache) => invalidateOfViewers(cache, 'sessions'),
      changePassword: (_result, _args, cache) => invalidateOfViewers(cache, 'sessions'),
      createWebhook: (_result, _args, cache) => invalidateOfViewers(cache, 'webhooks'),
      deleteWebhook: (_result, { input }, cache) => {
        invalidateOfViewers(cache, 'webhooks');
        cache.invalidate({ __typename: 'Webhook', id: (input as { webhookId: string }).webhookId });
      },
      sendMoney: (_result, _args, cache) => invalidateOfViewers(cache, 'contacts'),
    },
  },
};

function invalidateOfViewers(cache: Cache, field: string): void {
  const viewer = cache.resolve('Query', 'viewer');
  if (typeof viewer !== 'string') return;
  for (const { fieldName, fieldKey } of cache.inspectFields(viewer)) {
    if (fieldName === field) cache.invalidate(viewer, fieldKey);
  }
}

export const walletCache = () => cacheExchange(options);
