/** What operators read. */

import { graphql, type FragmentOf } from '@/api';
import { TransactionFields } from '@/realtime';

export const ActionFields = graphql(`
  fragment ActionFields on OperatorAction {
    id
    number
    kind
    status
    operator {
      id
      name
    }
    decidedBy {
      id
      name
    }
    decidedAt
    account {
      id
      name
    }
    transactionReference
    amount {
      amount
      currency
    }
    includesFee
    reversalReference
    restrictions
    until
    reason
    createdAt
  }
`);

export type Action = FragmentOf<typeof ActionFields>;
export type ActionStatus = Action['status'];
export type Restriction = Action['restrictions'][number];

export const AccountFields = graphql(`
  fragment AccountFields on OperatedAccount {
    id
    user {
      id
      name
      handle
      emailHint
    }
    email
    emailVerifiedAt
    createdAt
    closedAt
    balance {
      amount
      currency
    }
    restrictions
  }
`);

export type Account = FragmentOf<typeof AccountFields>;

/** Whether the user is an operator who may read, and how many proposals wait. */
export const OperatorEntry = graphql(`
  query OperatorEntry {
    operator {
      actions(first: 20, status: PROPOSED) {
        nodes {
          id
        }
        pageInfo {
          hasNextPage
        }
      }
    }
  }
`);

export const OperatedAccounts = graphql(
  `
    query OperatedAccounts($query: String!, $first: Int!, $after: String) {
      operator {
        accounts(query: $query, first: $first, after: $after) {
          nodes {
            ...AccountFields
          }
          pageInfo {
            hasNextPage
            endCursor
          }
        }
      }
    }
  `,
  [AccountFields],
);

export const OneOperatedAccount = graphql(
  `
    query OneOperatedAccount($userId: ID!) {
      operator {
        account(userId: $userId) {
          ...AccountFields
          sessions {
            id
            userAgent
            ipAddress
            createdAt
            lastUsedAt
          }
        }
      }
    }
  `,
  [AccountFields],
);

export const OperatedTransactions = graphql(
  `
    query OperatedTransactions($userId: ID!, $first: Int!, $after: String, $filter: TransactionFilter) {
      operator {
        account(userId: $userId) {
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
    }
  `,
  [TransactionFields],
);

export const ActionsOfAccount = graphql(
  `
    query ActionsOfAccount($userId: ID!, $first: Int!, $after: String) {
      operator {
        account(userId: $userId) {
          actions(first: $first, after: $after) {
            nodes {
              ...ActionFields
            }
            pageInfo {
              hasNextPage
              endCursor
            }
          }
        }
      }
    }
  `,
  [ActionFields],
);

export const OperatorActions = graphql(
  `
    query OperatorActions($first: Int!, $after: String, $status: OperatorActionStatus) {
      operator {
        actions(first: $first, after: $after, status: $status) {
          nodes {
            ...ActionFields
          }
          pageInfo {
            hasNextPage
            endCursor
          }
        }
      }
    }
  `,
  [ActionFields],
);

/** Both sides, the accounts that they belong to, and what operators did about these accounts lately. */
export const OperatedTransaction = graphql(
  `
    query OperatedTransaction($reference: ID!, $query: String!) {
      operator {
        transaction(reference: $reference) {
          ...TransactionFields
          reverses {
            id
            reference
          }
          reversed {
            amount
            currency
          }
        }
        accounts(query: $query, first: 2) {
          nodes {
            ...AccountFields
            actions(first: 50) {
              nodes {
                ...ActionFields
              }
            }
          }
        }
      }
    }
  `,
  [TransactionFields, AccountFields, ActionFields],
);

export const OperatedDays = graphql(`
  query OperatedDays($first: Int!) {
    operator {
      days(first: $first) {
        day
        transfers
        transferred {
          amount
          currency
        }
        toppedUp {
          amount
          currency
        }
        newAccounts
      }
    }
  }
`);

export const LedgerTotals = graphql(`
  query LedgerTotals {
    operator {
      totals: books {
        accounts
        balances {
          amount
          currency
        }
        fees {
          amount
          currency
        }
        toppedUp {
          amount
          currency
        }
        reversedTopUps {
          amount
          currency
        }
        at
      }
    }
  }
`);
