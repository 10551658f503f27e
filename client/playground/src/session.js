/** The session of this window, in `sessionStorage`: each window can be signed in as another user. */
import { ofWindow } from './kept.js';
import { post, problem } from './transport.js';

const KEY = 'mini-wallet:session';
const SIGNED_IN = `
  __typename
  ... on SignedIn {
    credentials { accessToken refreshToken }
    viewer { email }
  }
  ... on UserError { message }
`;
const LOGIN = `mutation SignIn($input: LoginInput!) { login(input: $input) { ${SIGNED_IN} } }`;
const REFRESH = `
  mutation Refresh($input: RefreshSessionInput!) { refreshSession(input: $input) { ${SIGNED_IN} } }
`;
const LOGOUT = 'mutation SignOut($input: LogoutInput!) { logout(input: $input) { __typename } }';
const WHO = '{ viewer { email } }';

/** Whether the server has the demo users. */
export const demo = document.querySelector('meta[name="wallet-demo"]')?.content === 'true';

let session = JSON.parse(ofWindow.getItem(KEY));
let notice = null;
let snapshot = { session, notice };
let renewal = null;
const listeners = new Set();

/** `{ session: { email, accessToken, refreshToken } | null, notice }`, for useSyncExternalStore. */
export const current = () => snapshot;

export function subscribe(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The headers that authenticate the signed-in user; none when signed out. */
export const authorization = () =>
  session ? { Authorization: `Bearer ${session.accessToken}` } : {};

/** Signs in and stores the session. On failure only the notice changes. */
export async function signIn(email, password) {
  try {
    const answer = await post({ query: LOGIN, variables: { input: { email, password } } });
    const refusal = refusalIn(answer);
    if (refusal) change(session, refusal);
    else await adopt(answer);
  } catch (error) {
    change(session, error.message);
  }
}

/** Ends the session, on the server and in this window. */
export async function signOut() {
  const headers = authorization();
  change(null, null);
  // If the API cannot be reached or the session has already ended, forgetting it is enough.
  await post({ query: LOGOUT, variables: { input: {} } }, headers).catch(() => {});
}

/**
 * Exchanges the refresh token, once for all concurrent callers. Afterwards the session is renewed, or
 * null with a notice if it has ended. Throws if the API cannot answer.
 */
export function renew() {
  renewal ??= refresh().finally(() => {
    renewal = null;
  });
  return renewal;
}

async function refresh() {
  const renewing = session;
  if (!renewing?.refreshToken) {
    change(null, 'Your session has ended. Sign in again.');
    return;
  }
  const input = { refreshToken: renewing.refreshToken };
  const answer = await post({ query: REFRESH, variables: { input } });
  // Another user may have signed in meanwhile.
  if (session !== renewing) return;
  const refusal = refusalIn(answer);
  if (refusal) change(null, refusal);
  else await adopt(answer);
}

/** Stores the session if the answer contains one: the operation of a tab may have signed in. */
export async function adopt(answer) {
  const found = Object.values(answer?.data ?? {}).find((value) => value?.credentials?.accessToken);
  if (!found || found.credentials.accessToken === session?.accessToken) return;
  const { accessToken, refreshToken = null } = found.credentials;
  let { email } = found.viewer ?? {};
  if (!email) {
    const who = await post({ query: WHO }, { Authorization: `Bearer ${accessToken}` });
    email = who.data?.viewer?.email ?? 'someone';
  }
  change({ email, accessToken, refreshToken }, null);
}

/** The message of a UserError; null for a session. Throws if the API did not answer. */
function refusalIn(answer) {
  const [result] = Object.values(answer.data ?? {});
  if (!result) throw problem(answer.errors?.[0]?.message ?? 'The API did not respond.');
  return result.credentials ? null : result.message;
}

function change(next, text) {
  session = next;
  notice = text;
  if (next) ofWindow.setItem(KEY, JSON.stringify(next));
  else ofWindow.removeItem(KEY);
  snapshot = { session, notice };
  for (const listener of listeners) listener();
}
