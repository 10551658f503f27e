/** The profile of the signed-in user. */
import { graphql } from '@/api';

export const ViewerProfile = graphql(`
  query ViewerProfile {
    viewer {
      id
      email
      emailVerifiedAt
      timeZone
      user {
        id
        name
        emailHint
      }
    }
  }
`);

export const UpdateProfile = graphql(`
  mutation UpdateProfile($name: String!) {
    updateProfile(input: { name: $name }) {
      __typename
      ... on ProfileUpdated {
        viewer {
          id
          user {
            id
            name
            emailHint
          }
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
`);

export const SetTimeZone = graphql(`
  mutation SetTimeZone($timeZone: String!) {
    updateProfile(input: { timeZone: $timeZone }) {
      __typename
      ... on ProfileUpdated {
        viewer {
          id
          timeZone
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
`);
