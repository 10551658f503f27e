/** Operations of the account pages. */
import { graphql } from '@/api';

export const Register = graphql(`
  mutation Register($name: String!, $email: String!, $password: String!, $timeZone: String) {
    register(input: { name: $name, email: $email, password: $password, timeZone: $timeZone }) {
      __typename
      ... on RegistrationReceived {
        email
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

export const VerifyEmail = graphql(`
  mutation VerifyEmail($token: String!, $password: String) {
    verifyEmail(input: { token: $token, password: $password }) {
      __typename
      ... on EmailVerified {
        email
      }
      ... on UserError {
        message
      }
    }
  }
`);

export const ResendVerificationEmail = graphql(`
  mutation ResendVerificationEmail($email: String!) {
    resendVerificationEmail(input: { email: $email }) {
      __typename
      ... on VerificationEmailRequested {
        email
      }
      ... on UserError {
        message
      }
    }
  }
`);

export const RequestPasswordReset = graphql(`
  mutation RequestPasswordReset($email: String!) {
    requestPasswordReset(input: { email: $email }) {
      __typename
      ... on PasswordResetRequested {
        email
      }
      ... on UserError {
        message
      }
    }
  }
`);

export const ResetPassword = graphql(`
  mutation ResetPassword($token: String!, $password: String!, $challenge: String, $secondFactor: SecondFactorInput) {
    resetPassword(input: { token: $token, password: $password, challenge: $challenge, secondFactor: $secondFactor }) {
      __typename
      ... on PasswordChanged {
        sessions
      }
      ... on SecondFactorRequired {
        challenge
        methods
        passkeyOptions
      }
      ... on UserError {
        message
      }
    }
  }
`);

export const ChangePassword = graphql(`
  mutation ChangePassword($currentPassword: String!, $newPassword: String!, $revokeApiTokens: Boolean!) {
    changePassword(input: { currentPassword: $currentPassword, newPassword: $newPassword, revokeApiTokens: $revokeApiTokens }) {
      __typename
      ... on PasswordChanged {
        sessions
        apiTokens
      }
      ... on UserError {
        message
      }
    }
  }
`);

export const ReportSignIn = graphql(`
  mutation ReportSignIn($token: String!) {
    reportSignIn(input: { token: $token }) {
      __typename
      ... on SignInReported {
        emailHint
      }
      ... on UserError {
        message
      }
    }
  }
`);
