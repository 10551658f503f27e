/** The second factors of the signed-in user, and everything that changes them. */

import { graphql, type ResultOf } from '@/api';

const SecurityFields = graphql(`
  fragment SecurityFields on Viewer @_unmask {
    id
    security {
      totp
      totpEnabledAt
      totpLastUsedAt
      passkeys {
        id
        name
        createdAt
        lastUsedAt
      }
      recoveryCodesLeft
      confirmAbove {
        amount
        currency
      }
    }
  }
`);

export const Security = graphql(
  `
    query Security {
      viewer {
        email
        emailVerifiedAt
        ...SecurityFields
      }
      wallet {
        currency
      }
    }
  `,
  [SecurityFields],
);

export type SecuritySettings = NonNullable<ResultOf<typeof Security>['viewer']>['security'];
export type PasskeyOfUser = SecuritySettings['passkeys'][number];

export const BeginTotp = graphql(`
  mutation BeginTotp {
    beginTotp {
      challenge
      uri
      secret
      qrCode
    }
  }
`);

export type TotpSecret = ResultOf<typeof BeginTotp>['beginTotp'];

export const EnableTotp = graphql(
  `
    mutation EnableTotp($challenge: String!, $code: String!) {
      enableTotp(input: { challenge: $challenge, code: $code }) {
        __typename
        ... on SecondFactorEnabled {
          recoveryCodes
          viewer {
            ...SecurityFields
          }
        }
        ... on UserError {
          message
        }
      }
    }
  `,
  [SecurityFields],
);

export const DisableTotp = graphql(
  `
    mutation DisableTotp {
      disableTotp {
        viewer {
          ...SecurityFields
        }
      }
    }
  `,
  [SecurityFields],
);

export const BeginPasskey = graphql(`
  mutation BeginPasskey {
    beginPasskey {
      challenge
      options
    }
  }
`);

export type PasskeyCreation = ResultOf<typeof BeginPasskey>['beginPasskey'];

export const AddPasskey = graphql(
  `
    mutation AddPasskey($challenge: String!, $name: String!, $passkey: JSON!) {
      addPasskey(input: { challenge: $challenge, name: $name, passkey: $passkey }) {
        __typename
        ... on SecondFactorEnabled {
          recoveryCodes
          viewer {
            ...SecurityFields
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
  [SecurityFields],
);

export const RemovePasskey = graphql(
  `
    mutation RemovePasskey($passkeyId: ID!) {
      removePasskey(input: { passkeyId: $passkeyId }) {
        __typename
        ... on SecurityChanged {
          viewer {
            ...SecurityFields
          }
        }
        ... on UserError {
          message
        }
      }
    }
  `,
  [SecurityFields],
);

export const RenewRecoveryCodes = graphql(`
  mutation RenewRecoveryCodes {
    renewRecoveryCodes {
      codes
    }
  }
`);

export const SetConfirmAbove = graphql(
  `
    mutation SetConfirmAbove($amount: Decimal!) {
      setConfirmAbove(input: { amount: $amount }) {
        __typename
        ... on SecurityChanged {
          viewer {
            ...SecurityFields
          }
        }
        ... on UserError {
          message
        }
      }
    }
  `,
  [SecurityFields],
);
