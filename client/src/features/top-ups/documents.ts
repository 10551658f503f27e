/** Money added through the payment provider. */

import { graphql, type FragmentOf } from '@/api';

export const TopUpFields = graphql(`
  fragment TopUpFields on TopUp {
    id
    amount {
      amount
      currency
    }
    status
    checkoutUrl
    createdAt
    transaction {
      id
    }
  }
`);

export type TopUp = FragmentOf<typeof TopUpFields>;

export const StartTopUp = graphql(
  `
    mutation StartTopUp($input: StartTopUpInput!) {
      startTopUp(input: $input) {
        __typename
        ... on TopUpStarted {
          topUp {
            ...TopUpFields
          }
        }
        ... on InvalidInput {
          fields {
            path
            message
          }
        }
        ... on UserError {
          message
        }
      }
    }
  `,
  [TopUpFields],
);

export const TopUps = graphql(
  `
    query TopUps($first: Int!, $after: String) {
      viewer {
        id
        topUps(first: $first, after: $after) {
          nodes {
            ...TopUpFields
          }
          pageInfo {
            hasNextPage
            endCursor
          }
        }
      }
    }
  `,
  [TopUpFields],
);

export const OneTopUp = graphql(
  `
    query OneTopUp($id: ID!) {
      node(id: $id) {
        __typename
        id
        ...TopUpFields
      }
    }
  `,
  [TopUpFields],
);
