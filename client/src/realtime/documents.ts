/** Operations for the current state of the wallet and its notifications. */

import { graphql, type FragmentOf, type ResultOf } from '@/api';

/** A transaction, as lists and pages show it. */
export const TransactionFields = graphql(`
  fragment TransactionFields on Transaction {
    id
    reference
    sequence
    kind
    direction
    amount {
      amount
      currency
    }
    fee {
      amount
      currency
    }
    counterparty {
      id
      name
      handle
      emailHint
    }
    note
    balanceAfter {
      amount
      currency
    }
    createdAt
  }
`);

export type Transaction = FragmentOf<typeof TransactionFields>;

/** A notification, and what it is about: a kind newer than this page may be about something else. */
export const NotificationFields = graphql(`
  fragment NotificationFields on Notification {
    id
    number
    kind
    message
    createdAt
    transaction {
      id
      direction
      amount {
        amount
        currency
      }
      counterparty {
        id
        name
      }
    }
    webhook {
      id
    }
    paymentRequest {
      id
      amount {
        amount
        currency
      }
      requester {
        id
        name
      }
      payer {
        id
        name
      }
    }
    scheduledTransfer {
      id
    }
    topUp {
      id
      amount {
        amount
        currency
      }
    }
  }
`);

export type Notification = FragmentOf<typeof NotificationFields>;

export const WalletNow = graphql(
  `
    query WalletNow($first: Int!) {
      viewer {
        id
        epoch
        unreadNotifications
        notifications(first: $first) {
          nodes {
            ...NotificationFields
          }
          pageInfo {
            hasNextPage
            endCursor
          }
        }
        sequence
        balance {
          amount
          currency
        }
        emailVerifiedAt
        transactions(first: $first) {
          nodes {
            ...TransactionFields
          }
          pageInfo {
            hasNextPage
            endCursor
          }
        }
      }
      wallet {
        pusher {
          key
          cluster
          host
          port
          useTls
          authEndpoint
          channel
        }
      }
    }
  `,
  [TransactionFields, NotificationFields],
);

export type ViewerNow = NonNullable<ResultOf<typeof WalletNow>['viewer']>;

export type PusherSettings = NonNullable<ResultOf<typeof WalletNow>['wallet']['pusher']>;

export const NewestTransactions = graphql(
  `
    query NewestTransactions($first: Int!, $after: String) {
      viewer {
        id
        transactions(first: $first, after: $after) {
          nodes {
            ...TransactionFields
          }
          pageInfo {
            hasNextPage
            endCursor
          }
        }
      }
    }
  `,
  [TransactionFields],
);

export const NewestNotifications = graphql(
  `
    query NewestNotifications($first: Int!, $after: String) {
      viewer {
        id
        notifications(first: $first, after: $after) {
          nodes {
            ...NotificationFields
          }
          pageInfo {
            hasNextPage
            endCursor
          }
        }
      }
    }
  `,
  [NotificationFields],
);

export const MarkNotificationsRead = graphql(`
  mutation MarkNotificationsRead($through: Int!) {
    markNotificationsRead(input: { through: $through }) {
      __typename
      ... on NotificationsRead {
        viewer {
          id
          unreadNotifications
        }
      }
      ... on UserError {
        message
      }
    }
  }
`);

/** The newest numbers, how much is unread, and the channel. */
export const WalletSequence = graphql(`
  query WalletSequence {
    viewer {
      id
      epoch
      sequence
      unreadNotifications
      notifications(first: 1) {
        nodes {
          id
          number
        }
      }
    }
    wallet {
      pusher {
        channel
      }
    }
  }
`);

export const WalletEvents = graphql(
  `
    subscription WalletEvents($afterSequence: Int!, $epoch: ID!) {
      walletEvents(afterSequence: $afterSequence, epoch: $epoch) {
        __typename
        sequence
        ... on TransactionPosted {
          transaction {
            ...TransactionFields
          }
        }
      }
    }
  `,
  [TransactionFields],
);

export const NotificationEvents = graphql(
  `
    subscription NotificationEvents($afterNumber: Int!, $epoch: ID!) {
      notifications(afterNumber: $afterNumber, epoch: $epoch) {
        ...NotificationFields
      }
    }
  `,
  [NotificationFields],
);
