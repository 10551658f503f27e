/** Scheduled transfers and their runs. */
import { graphql, type FragmentOf, type ResultOf } from '@/api';

export const ScheduleFields = graphql(`
  fragment ScheduleFields on ScheduledTransfer {
    id
    recipient {
      id
      name
      emailHint
    }
    amount {
      amount
      currency
    }
    note
    status
    recurrence {
      unit
      interval
    }
    startsOn
    endsOn
    timeZone
    nextRunAt
  }
`);

export type Schedule = FragmentOf<typeof ScheduleFields>;

export const Schedules = graphql(
  `
    query Schedules($first: Int!, $after: String) {
      viewer {
        id
        scheduledTransfers(first: $first, after: $after) {
          nodes {
            ...ScheduleFields
          }
          pageInfo {
            hasNextPage
            endCursor
          }
        }
      }
    }
  `,
  [ScheduleFields],
);

/** With a page of its runs, newest first. */
export const OneSchedule = graphql(
  `
    query OneSchedule($id: ID!, $first: Int!, $after: String) {
      node(id: $id) {
        __typename
        id
        ...ScheduleFields
        ... on ScheduledTransfer {
          runs(first: $first, after: $after) {
            nodes {
              number
              dueAt
              status
              transaction {
                id
              }
              refusal {
                __typename
                message
                ... on InsufficientFunds {
                  shortfall {
                    amount
                    currency
                  }
                }
              }
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
  [ScheduleFields],
);

type Found = Extract<NonNullable<ResultOf<typeof OneSchedule>['node']>, { __typename: 'ScheduledTransfer' }>;
export type Run = Found['runs']['nodes'][number];

export const ScheduleTransfer = graphql(
  `
    mutation ScheduleTransfer($input: ScheduleTransferInput!) {
      scheduleTransfer(input: $input) {
        __typename
        ... on TransferScheduled {
          replayed
          scheduledTransfer {
            ...ScheduleFields
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
  [ScheduleFields],
);

export const PauseSchedule = graphql(
  `
    mutation PauseSchedule($id: ID!) {
      result: pauseScheduledTransfer(input: { scheduledTransferId: $id }) {
        __typename
        ... on ScheduledTransferChanged {
          scheduledTransfer {
            ...ScheduleFields
          }
        }
        ... on UserError {
          message
        }
      }
    }
  `,
  [ScheduleFields],
);

export const ResumeSchedule = graphql(
  `
    mutation ResumeSchedule($id: ID!) {
      result: resumeScheduledTransfer(input: { scheduledTransferId: $id }) {
        __typename
        ... on ScheduledTransferChanged {
          scheduledTransfer {
            ...ScheduleFields
          }
        }
        ... on UserError {
          message
        }
      }
    }
  `,
  [ScheduleFields],
);

export const EndSchedule = graphql(
  `
    mutation EndSchedule($id: ID!) {
      result: endScheduledTransfer(input: { scheduledTransferId: $id }) {
        __typename
        ... on ScheduledTransferChanged {
          scheduledTransfer {
            ...ScheduleFields
          }
        }
        ... on UserError {
          message
        }
      }
    }
  `,
  [ScheduleFields],
);
