/** Signing in with a second factor after the password, or with a passkey alone. */

import { areCookiesBlocked } from '@/lib/blocked';
import { client } from './client';
import { sentenceFor } from './errors';
import { graphql, type ResultOf, type VariablesOf } from './graphql';
import { keeper } from './session';

export const CompleteLogin = graphql(`
  mutation CompleteLogin($challenge: String!, $secondFactor: SecondFactorInput!, $useCookie: Boolean!) {
    completeLogin(input: { challenge: $challenge, secondFactor: $secondFactor, useCookie: $useCookie }) {
      __typename
      ... on SignedIn {
        credentials {
          accessToken
          expiresAt
          refreshToken
        }
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

const BeginPasskeyLogin = graphql(`
  mutation BeginPasskeyLogin {
    beginPasskeyLogin {
      challenge
      options
    }
  }
`);

const CompletePasskeyLogin = graphql(`
  mutation CompletePasskeyLogin($challenge: String!, $passkey: JSON!, $useCookie: Boolean!) {
    completePasskeyLogin(input: { challenge: $challenge, passkey: $passkey, useCookie: $useCookie }) {
      __typename
      ... on SignedIn {
        credentials {
          accessToken
          expiresAt
          refreshToken
        }
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

/** Null if the user is signed in now; otherwise why not. `isWrong` if it was the answer, and not the network, for example. */
export type StepAnswer = { message: string; isWrong: boolean } | null;
export type PasskeyChallenge = ResultOf<typeof BeginPasskeyLogin>['beginPasskeyLogin'];

const FAILED = 'Something went wrong. Try again.';

export async function completeSignIn(
  challenge: string,
  secondFactor: VariablesOf<typeof CompleteLogin>['secondFactor'],
): Promise<StepAnswer> {
  const variables = { challenge, secondFactor, useCookie: !areCookiesBlocked() };
  const { data, error } = await client.value.mutation(CompleteLogin, variables).toPromise();
  if (error || !data) return { message: error ? sentenceFor(error) : FAILED, isWrong: false };
  return begin(data.completeLogin);
}

export async function beginPasskeySignIn(): Promise<{ begun: PasskeyChallenge; message?: undefined } | { begun: null; message: string }> {
  const { data, error } = await client.value.mutation(BeginPasskeyLogin, {}).toPromise();
  return data && !error ? { begun: data.beginPasskeyLogin } : { begun: null, message: error ? sentenceFor(error) : FAILED };
}

/** `passkey` is what the browser says of the passkey. */
export async function completePasskeySignIn(challenge: string, passkey: unknown): Promise<StepAnswer> {
  const variables = { challenge, passkey, useCookie: !areCookiesBlocked() };
  const { data, error } = await client.value.mutation(CompletePasskeyLogin, variables).toPromise();
  if (error || !data) return { message: error ? sentenceFor(error) : FAILED, isWrong: false };
  return begin(data.completePasskeyLogin);
}

type SignedIn = ResultOf<typeof CompleteLogin>['completeLogin'];

function begin(result: SignedIn): StepAnswer {
  if (result.__typename !== 'SignedIn') return { message: result.message, isWrong: true };
  keeper.begin(result.credentials, result.viewer.id);
  return null;
}
