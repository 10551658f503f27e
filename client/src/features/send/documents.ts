/** The preview of a transfer. */

import { graphql, type ResultOf } from '@/api';

export const TransferPreview = graphql(`
  query TransferPreview($amount: Decimal!, $recipient: RecipientInput) {
    transferPreview(amount: $amount, recipient: $recipient) {
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
        needsConfirmation
        recipient {
          user {
            id
            name
            handle
            emailHint
          }
          timesPaid
          lastPaidAt
          lookalikes {
            id
            name
            handle
            emailHint
          }
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

export type RecipientCheck = NonNullable<Preview['recipient']>;

export type Preview = Extract<
  ResultOf<typeof TransferPreview>['transferPreview'],
  { __typename: 'TransferPreview' }
>;
