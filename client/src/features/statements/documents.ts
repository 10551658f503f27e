/** Statements, their files, and insights. */
import { graphql, type ResultOf } from '@/api';

export const StatementOf = graphql(`
  query StatementOf($from: Date!, $to: Date!) {
    viewer {
      id
      statement(from: $from, to: $to) {
        __typename
        ... on Statement {
          from
          to
          timeZone
          openingBalance {
            amount
            currency
          }
          closingBalance {
            amount
            currency
          }
          incoming {
            amount
            currency
          }
          outgoing {
            amount
            currency
          }
          fees {
            amount
            currency
          }
          transactionCount
        }
        ... on InvalidInput {
          message
          fields {
            path
            message
          }
        }
      }
    }
  }
`);

type StatementResult = NonNullable<ResultOf<typeof StatementOf>['viewer']>['statement'];
export type Statement = Extract<StatementResult, { __typename: 'Statement' }>;

/** A link to a file is valid for minutes: it is requested when it is wanted. */
export const StatementFile = graphql(`
  query StatementFile($from: Date!, $to: Date!, $format: StatementFormat!) {
    viewer {
      id
      statement(from: $from, to: $to) {
        __typename
        ... on Statement {
          download(format: $format)
        }
        ... on UserError {
          message
        }
      }
    }
  }
`);

export const InsightsOf = graphql(`
  query InsightsOf($from: Date!, $to: Date!) {
    viewer {
      id
      insights(from: $from, to: $to) {
        __typename
        ... on Insights {
          from
          to
          timeZone
          openingBalance {
            amount
            currency
          }
          closingBalance {
            amount
            currency
          }
          incoming {
            amount
            currency
          }
          outgoing {
            amount
            currency
          }
          fees {
            amount
            currency
          }
          transactionCount
          months {
            from
            to
            incoming {
              amount
              currency
            }
            outgoing {
              amount
              currency
            }
            fees {
              amount
              currency
            }
            closingBalance {
              amount
              currency
            }
          }
          balances {
            day
            balance {
              amount
              currency
            }
          }
          people {
            user {
              id
              name
            }
            incoming {
              amount
              currency
            }
            outgoing {
              amount
              currency
            }
            fees {
              amount
              currency
            }
            transactionCount
          }
          others {
            peopleCount
            incoming {
              amount
              currency
            }
            outgoing {
              amount
              currency
            }
            fees {
              amount
              currency
            }
            transactionCount
          }
        }
        ... on InvalidInput {
          message
          fields {
            path
            message
          }
        }
      }
    }
  }
`);

type InsightsResult = NonNullable<ResultOf<typeof InsightsOf>['viewer']>['insights'];
export type Insights = Extract<InsightsResult, { __typename: 'Insights' }>;
