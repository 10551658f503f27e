/** The devices and programs that are signed in. */
import { graphql } from '@/api';

export const Sessions = graphql(`
  query Sessions {
    viewer {
      id
      sessions {
        id
        userAgent
        ipAddress
        createdAt
        lastUsedAt
        isCurrent
      }
    }
  }
`);

export const RevokeSession = graphql(`
  mutation RevokeSession($sessionId: ID!) {
    revokeSession(input: { sessionId: $sessionId }) {
      __typename
      ... on SignedOut {
        sessions
      }
      ... on UserError {
        message
      }
    }
  }
`);
