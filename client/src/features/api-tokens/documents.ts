/** Listing, creating and revoking API tokens. */
import { graphql } from '@/api';

export const ApiTokens = graphql(`
  query ApiTokens {
    wallet {
      currency
    }
    viewer {
      id
      apiTokens {
        id
        name
        scopes
        dailyLimit {
          amount
          currency
        }
        dailyRemaining {
          amount
          currency
        }
        createdAt
        expiresAt
        lastUsedAt
      }
    }
  }
`);

export const CreateApiToken = graphql(`
  mutation CreateApiToken($name: String!, $scopes: [Scope!]!, $dailyLimit: Decimal, $expiresAt: DateTime) {
    createApiToken(input: { name: $name, scopes: $scopes, dailyLimit: $dailyLimit, expiresAt: $expiresAt }) {
      __typename
      ... on ApiTokenCreated {
        apiToken {
          id
          name
        }
        secret
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
`);

export const RevokeApiToken = graphql(`
  mutation RevokeApiToken($apiTokenId: ID!) {
    revokeApiToken(input: { apiTokenId: $apiTokenId }) {
      __typename
      ... on ApiTokenRevoked {
        apiToken {
          id
        }
      }
      ... on UserError {
        message
      }
    }
  }
`);
