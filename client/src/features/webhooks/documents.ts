/** Webhooks and their delivery attempts. */
import { graphql, type FragmentOf, type ResultOf } from '@/api';

export const WebhookFields = graphql(`
  fragment WebhookFields on Webhook {
    id
    url
    stream
    document
    status
    deliveredThrough
    createdAt
    secretHints
  }
`);

export type Webhook = FragmentOf<typeof WebhookFields>;

/** All webhooks, and the newest number of each stream. */
export const Webhooks = graphql(
  `
    query Webhooks {
      viewer {
        id
        webhooks {
          ...WebhookFields
        }
      }
    }
  `,
  [WebhookFields],
);

export const OneWebhook = graphql(
  `
    query OneWebhook($id: ID!) {
      node(id: $id) {
        __typename
        id
        ...WebhookFields
      }
    }
  `,
  [WebhookFields],
);

export const AttemptFields = graphql(`
  fragment AttemptFields on WebhookAttempt {
    eventId
    number
    attempt
    sentAt
    durationMilliseconds
    responseStatus
    detail
    nextAttemptAt
  }
`);

export type Attempt = FragmentOf<typeof AttemptFields>;

export const WebhookAttempts = graphql(
  `
    query WebhookAttempts($id: ID!, $first: Int!, $after: String) {
      node(id: $id) {
        __typename
        id
        ... on Webhook {
          status
          deliveredThrough
          attempts(first: $first, after: $after) {
            nodes {
              ...AttemptFields
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
  [AttemptFields],
);

export const CreateWebhook = graphql(
  `
    mutation CreateWebhook($input: CreateWebhookInput!) {
      createWebhook(input: $input) {
        __typename
        ... on WebhookCreated {
          webhook {
            ...WebhookFields
          }
          secret
        }
        ... on InvalidWebhook {
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
  [WebhookFields],
);

export const UpdateWebhook = graphql(
  `
    mutation UpdateWebhook($input: UpdateWebhookInput!) {
      updateWebhook(input: $input) {
        __typename
        ... on WebhookUpdated {
          webhook {
            ...WebhookFields
          }
        }
        ... on InvalidWebhook {
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
  [WebhookFields],
);

export const DeleteWebhook = graphql(`
  mutation DeleteWebhook($input: DeleteWebhookInput!) {
    deleteWebhook(input: $input) {
      __typename
      ... on WebhookDeleted {
        viewer {
          id
        }
      }
      ... on UserError {
        message
      }
    }
  }
`);

export const RotateWebhookSecret = graphql(
  `
    mutation RotateWebhookSecret($input: RotateWebhookSecretInput!) {
      rotateWebhookSecret(input: $input) {
        __typename
        ... on WebhookSecretRotated {
          webhook {
            ...WebhookFields
          }
          secret
        }
        ... on UserError {
          message
        }
      }
    }
  `,
  [WebhookFields],
);

export const ReplayWebhook = graphql(
  `
    mutation ReplayWebhook($input: ReplayWebhookInput!) {
      replayWebhook(input: $input) {
        __typename
        ... on WebhookUpdated {
          webhook {
            ...WebhookFields
          }
        }
        ... on InvalidWebhook {
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
  [WebhookFields],
);

export const TestWebhook = graphql(
  `
    mutation TestWebhook($input: TestWebhookInput!) {
      testWebhook(input: $input) {
        __typename
        ... on WebhookTested {
          headers
          body
          attempt {
            ...AttemptFields
          }
        }
        ... on InvalidWebhook {
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
  [AttemptFields],
);

export type Tested = Extract<ResultOf<typeof TestWebhook>['testWebhook'], { __typename: 'WebhookTested' }>;
