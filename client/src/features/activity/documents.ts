/** Transactions. */

import { graphql } from '@/api';
import { TransactionFields } from '@/realtime';

export const Transactions = graphql(
  `
    query Transactions($first: Int!, $after: String, $filter: TransactionFilter) {
      viewer {
        id
        transactions(first: $first, after: $after, filter: $filter) {
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

export const OneTransaction = graphql(
  `
    query OneTransaction($id: ID!) {
      node(id: $id) {
        __typename
        id
        ...TransactionFields
        ... on Transaction {
          metadata {
            key
            value
          }
          seal
          paymentRequest {
            id
          }
          reverses {
            ...TransactionFields
          }
          reversed {
            amount
            currency
          }
        }
      }
    }
  `,
  [TransactionFields],
);

export const TransactionSeal = graphql(`
  query TransactionSeal($id: ID!) {
    node(id: $id) {
      __typename
      id
      ... on Transaction {
        seal
      }
    }
  }
`);
