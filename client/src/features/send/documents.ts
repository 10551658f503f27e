/** The preview of a transfer. */

import { graphql, type ResultOf } from '@/api';

export const TransferPreview = graphql(`
  query TransferPreview($amount: Decimal!) {
    transferPreview(amount: $amount) {
      __typename
      ... on TransferPreview {
        amount {
          amount
          currency
        }
        fee {
          amount
          currency
        }
        total {
          amount
          currency
        }
        shortfall {
          amount
          currency
        }
        maximumSendable {
          amount
          currency
        }
      }
      ... on InvalidAmount {
        minimum {
          amount
          currency
        }
        maximum {
          amount
          currency
        }
      }
      ... on UserError {
        message
      }
    }
  }
`);

export type Preview = Extract<
  ResultOf<typeof TransferPreview>['transferPreview'],
  { __typename: 'TransferPreview' }
>;
