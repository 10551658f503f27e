/** What operators do. */

import { graphql } from '@/api';
import { ActionFields } from './documents';

export const RestrictAccount = graphql(`
  mutation RestrictAccount($input: RestrictAccountInput!) {
    result: restrictAccount(input: $input) {
      __typename
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
`);

export const LiftRestrictions = graphql(`
  mutation LiftRestrictions($input: LiftRestrictionsInput!) {
    result: liftRestrictions(input: $input) {
      __typename
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
`);

export const EndSessions = graphql(`
  mutation EndSessions($input: EndSessionsInput!) {
    result: endSessions(input: $input) {
      __typename
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
`);

export const ReverseTransaction = graphql(
  `
    mutation ReverseTransaction($input: ReverseTransactionInput!) {
      result: reverseTransaction(input: $input) {
        __typename
        ... on OperatorActionDone {
          action {
            ...ActionFields
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
  [ActionFields],
);

export const DecideAction = graphql(`
  mutation DecideAction($input: DecideActionInput!) {
    result: decideAction(input: $input) {
      __typename
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
`);
