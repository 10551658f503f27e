/** The profile of the signed-in user. */
import { graphql } from '@/api';

export const ViewerProfile = graphql(`
  query ViewerProfile {
    operator {
      __typename
    }
    viewer {
      id
      email
      emailVerifiedAt
      timeZone
      restrictions
      user {
        id
        name
        handle
        emailHint
      }
    }
  }
`);

/** Omitted fields stay as they are, and a handle of null releases it. */
export const UpdateProfile = graphql(`
  mutation UpdateProfile($input: UpdateProfileInput!) {
    updateProfile(input: $input) {
      __typename
      ... on ProfileUpdated {
        viewer {
          id
          timeZone
          user {
            id
            name
            handle
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
