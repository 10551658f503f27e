/** Moving money, and finding or settling the outcome of an idempotency key. */

import { graphql } from '@/api';
import { TransactionFields } from '@/realtime';

export const SendMoney = graphql(
  `
    mutation SendMoney($input: SendMoneyInput!) {
      sendMoney(input: $input) {
        __typename
        ... on MoneySent {
          transaction {
            ...TransactionFields
          }
        }
        ... on ConfirmationRequired {
          challenge
          methods
          passkeyOptions
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
  [TransactionFields],
);

export const PayRequest = graphql(
  `
    mutation PayRequest($input: PayRequestInput!) {
      payRequest(input: $input) {
        __typename
        ... on MoneySent {
          transaction {
            ...TransactionFields
          }
        }
        ... on ConfirmationRequired {
          challenge
          methods
          passkeyOptions
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
  [TransactionFields],
);

export const AddBalance = graphql(
  `
    mutation AddBalance($input: AddBalanceInput!) {
      addBalance(input: $input) {
        __typename
        ... on BalanceAdded {
          transaction {
            ...TransactionFields
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
  [TransactionFields],
);

export const TransactionByKey = graphql(
  `
    query TransactionByKey($kind: TransactionKind!, $key: String!) {
      viewer {
        id
        transactionByIdempotencyKey(kind: $kind, idempotencyKey: $key) {
          ...TransactionFields
        }
      }
    }
  `,
  [TransactionFields],
);

export const CloseIdempotencyKey = graphql(
  `
    mutation CloseIdempotencyKey($input: CloseIdempotencyKeyInput!) {
      closeIdempotencyKey(input: $input) {
        __typename
        ... on IdempotencyKeySettled {
          transaction {
            ...TransactionFields
          }
        }
      }
    }
  `,
  [TransactionFields],
);
