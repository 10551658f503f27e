/** Operations for the current state of the wallet. */

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

export const WalletNow = graphql(
  `
    query WalletNow($first: Int!) {
      viewer {
        id
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
  [TransactionFields],
);

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

export const WalletSequence = graphql(`
  query WalletSequence {
    viewer {
      id
      sequence
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
    subscription WalletEvents($afterSequence: Int!) {
      walletEvents(afterSequence: $afterSequence) {
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
