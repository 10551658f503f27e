/** Signing in and out. */

import { areCookiesBlocked } from '@/lib/blocked';
import { userScope } from '@/lib/user-scope';
import { client } from './client';
import { sentenceFor } from './errors';
import { graphql, type ResultOf } from './graphql';
import { keeper } from './session';

const Login = graphql(`
  mutation Login($email: String!, $password: String!, $useCookie: Boolean!) {
    login(input: { email: $email, password: $password, useCookie: $useCookie }) {
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
      ... on SecondFactorRequired {
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
`);

/** The password is right, and a second factor is needed too: see second-step.ts. */
export type SecondFactorChallenge = Omit<Extract<ResultOf<typeof Login>['login'], { __typename: 'SecondFactorRequired' }>, '__typename'>;

const Logout = graphql(`
  mutation Logout($everywhere: Boolean!) {
    logout(input: { everywhere: $everywhere }) {
      ... on SignedOut {
        sessions
      }
    }
  }
`);

export type SignInAnswer =
  | { ok: true }
  | { ok: false; message: string; fields?: { path: string[]; message: string }[]; required?: undefined }
  | { ok: false; message: ''; fields?: undefined; required: SecondFactorChallenge };

/**
 * Signs in, in all tabs, with the refresh token in a cookie. If cookies are blocked, the token stays in the memory of this
 * tab, and the session belongs to this tab.
 */
export async function signIn(email: string, password: string): Promise<SignInAnswer> {
  const { data, error } = await client.value.mutation(Login, { email, password, useCookie: !areCookiesBlocked() }).toPromise();
  if (error || !data) {
    return { ok: false, message: error ? sentenceFor(error) : 'Something went wrong. Try again.' };
  }
  const result = data.login;
  if (result.__typename === 'SignedIn') {
    keeper.begin(result.credentials, result.viewer.id);
    return { ok: true };
  }
  if (result.__typename === 'SecondFactorRequired') {
    const { challenge, methods, passkeyOptions } = result;
    return { ok: false, message: '', required: { challenge, methods, passkeyOptions } };
  }
  return {
    ok: false,
    message: result.message,
    fields: result.__typename === 'InvalidInput' ? result.fields : undefined,
  };
}

/** Ends this session, or all sessions of the user. Returns null, or a message why it failed. */
export async function signOut({ everywhere = false } = {}): Promise<string | null> {
  // If the session ends meanwhile, the request of its user never resolves.
  const answer = client.value.mutation(Logout, { everywhere }).toPromise();
  const result = await Promise.race([answer, userScope().ended]);
  if (!result) return null;
  const { error } = result;
  const isOver = error?.graphQLErrors[0]?.extensions.code === 'UNAUTHENTICATED';
  if (error && !isOver) return sentenceFor(error);
  keeper.end('signed-out');
  return null;
}
