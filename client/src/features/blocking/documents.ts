/** Users whom the viewer has blocked. */

import { graphql } from '@/api';

export const BlockedUsers = graphql(`
  query BlockedUsers {
    viewer {
      id
      blockedUsers {
        id
        name
        handle
        emailHint
      }
    }
  }
`);

export const BlockUser = graphql(`
  mutation BlockUser($userId: ID!) {
    blockUser(input: { userId: $userId }) {
      __typename
      ... on BlockedUsersChanged {
        viewer {
          id
          blockedUsers {
            id
            name
            handle
            emailHint
          }
        }
      }
      ... on UserError {
        message
      }
    }
  }
`);

export const UnblockUser = graphql(`
  mutation UnblockUser($userId: ID!) {
    unblockUser(input: { userId: $userId }) {
      __typename
      ... on BlockedUsersChanged {
        viewer {
          id
          blockedUsers {
            id
            name
            handle
            emailHint
          }
        }
      }
      ... on UserError {
        message
      }
    }
  }
`);
