/** Transactions. */

import { graphql } from '@/api';
import { TransactionLine } from '@/realtime';

export const Transactions = graphql(
  `
    query Transactions($first: Int!, $after: String, $filter: TransactionFilter) {
      viewer {
        id
        transactions(first: $first, after: $after, filter: $filter) {
          nodes {
            ...TransactionLine
          }
          pageInfo {
            hasNextPage
            endCursor
          }
        }
      }
    }
  `,
  [TransactionLine],
);

export const OneTransaction = graphql(
  `
    query OneTransaction($id: ID!) {
      node(id: $id) {
        __typename
        id
        ...TransactionLine
        ... on Transaction {
          metadata {
            key
            value
          }
          seal
        }
      }
    }
  `,
  [TransactionLine],
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
