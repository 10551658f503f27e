/** The limits of the service, and the balance over time. */

import { graphql } from '@/api';

export const Settings = graphql(`
  query Settings {
    wallet {
      currency
      minimumAmount {
        amount
        currency
      }
      maximumTransfer {
        amount
        currency
      }
      maximumTopUp {
        amount
        currency
      }
      transferFeeBasisPoints
      topUpMethod
    }
  }
`);

export const BalanceHistory = graphql(`
  query BalanceHistory($since: DateTime!, $first: Int!) {
    viewer {
      id
      balanceAt(time: $since) {
        amount
        currency
      }
      transactions(first: $first, filter: { createdAfter: $since }) {
        nodes {
          id
          sequence
          createdAt
          balanceAfter {
            amount
            currency
          }
        }
        pageInfo {
          hasNextPage
        }
      }
    }
  }
`);
