/**
 * The API as the rest of the client uses it.
 *
 * In main.ts: `installApi(app)` and, before the first route is shown, `await sessionKnown()`.
 * `session.value.status` is 'unknown', 'signed-in' or 'signed-out' (with `because`: 'ended' means that
 * it was ended elsewhere or grew too old). `useQuery` and `useMutation` of `@urql/vue` work everywhere.
 */

export { client, installApi, uncached, visitor } from './client';
export { codeOf, failureOf, sentenceFor, type ErrorCode } from './errors';
export { graphql, type FragmentOf, type ResultOf, type VariablesOf } from './graphql';
export { useRefresh } from './refresh';
export { forgetWhilePageIsKept, isSignedIn, session, sessionKnown, startFailure, viewerId, type Session } from './session';
export { signIn, signOut, type SecondFactorChallenge, type SignInAnswer } from './sign-in';
