/** Moving money, and finding or settling the outcome of an idempotency key. */

import { graphql } from '@/api';
import { TransactionLine } from '@/realtime';

export const SendMoney = graphql(
  `
    mutation SendMoney($input: SendMoneyInput!) {
      sendMoney(input: $input) {
        __typename
        ... on MoneySent {
          transaction {
            ...TransactionLine
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
  [TransactionLine],
);

export const AddBalance = graphql(
  `
    mutation AddBalance($input: AddBalanceInput!) {
      addBalance(input: $input) {
        __typename
        ... on BalanceAdded {
          transaction {
            ...TransactionLine
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
  [TransactionLine],
);

export const TransactionByKey = graphql(
  `
    query TransactionByKey($kind: TransactionKind!, $key: String!) {
      viewer {
        id
        transactionByIdempotencyKey(kind: $kind, idempotencyKey: $key) {
          ...TransactionLine
        }
      }
    }
  `,
  [TransactionLine],
);

export const CloseIdempotencyKey = graphql(
  `
    mutation CloseIdempotencyKey($input: CloseIdempotencyKeyInput!) {
      closeIdempotencyKey(input: $input) {
        __typename
        ... on IdempotencyKeySettled {
          transaction {
            ...TransactionLine
          }
        }
      }
    }
  `,
  [TransactionLine],
);
