/** Requests and subscriptions as the signed-in user; they survive expired tokens and restarts. */
import { createClient } from 'graphql-ws';
import * as session from './session.js';
import { post, problem, socketAddress } from './transport.js';

const EXPIRED = 4403;
const LONGEST_PAUSE_MS = 4000;

/** GraphiQL's fetcher. A tab with its own Authorization header uses that one. */
export function fetcher({ query, variables, operationName }, { headers, documentAST } = {}) {
  const payload = { query, variables, operationName: operationName ?? undefined };
  if (!isSubscription(documentAST, operationName)) return request(payload, headers);
  return { subscribe: (sink) => ({ unsubscribe: listen(payload, sink, headers) }) };
}

function isSubscription(document, operationName) {
  const operations = (document?.definitions ?? []).filter(
    ({ kind }) => kind === 'OperationDefinition',
  );
  const chosen = operations.find(({ name }) => name?.value === operationName) ?? operations[0];
  return chosen?.operation === 'subscription';
}

const ownAuthorization = (headers) =>
  Object.entries(headers ?? {}).find(([name]) => name.toLowerCase() === 'authorization')?.[1];

/** A query or mutation. An expired access token is renewed and the request repeated. */
export async function request(payload, headers) {
  if (ownAuthorization(headers)) return post(payload, headers);
  const sent = session.authorization();
  let answer = await post(payload, { ...headers, ...sent });
  const refused = answer.errors?.some(({ extensions }) => extensions?.code === 'UNAUTHENTICATED');
  if (refused && sent.Authorization) {
    if (session.authorization().Authorization === sent.Authorization) await session.renew();
    const renewed = session.authorization();
    if (renewed.Authorization) answer = await post(payload, { ...headers, ...renewed });
  }
  await session.adopt(answer);
  return answer;
}

/**
 * A subscription, until the returned function is called. It survives lost connections and expired
 * tokens. An operation with $afterSequence resumes after the last event it received.
 */
export function listen(payload, sink, headers, onConnected = () => {}) {
  const own = ownAuthorization(headers);
  let expired = false;
  const client = createClient({
    url: socketAddress,
    connectionParams: async () => {
      if (own) return { Authorization: own };
      // If renewing fails now, the expired token leads here again.
      if (expired) await session.renew().catch(() => {});
      return session.authorization();
    },
    shouldRetry: ({ code }) => !(own && code === EXPIRED),
    retryAttempts: Infinity,
    retryWait: (tries) =>
      pause(Math.min(500 * 2 ** tries, LONGEST_PAUSE_MS) * (0.5 + Math.random() / 2)),
    keepAlive: 20_000,
    on: {
      connected: () => {
        expired = false;
        onConnected(true);
      },
      closed: ({ code }) => {
        expired = code === EXPIRED;
        onConnected(false);
      },
    },
  });
  client.subscribe(payload, {
    next(result) {
      const sequence = result.data?.walletEvents?.sequence;
      if (sequence !== undefined && payload.query.includes('$afterSequence')) {
        payload.variables = { ...payload.variables, afterSequence: sequence };
      }
      sink.next(result);
    },
    error: (reason) => sink.error(asError(reason)),
    complete: () => sink.complete(),
  });
  return () => client.dispose();
}

const pause = (milliseconds) => new Promise((resume) => setTimeout(resume, milliseconds));

function asError(reason) {
  if (reason instanceof Error || Array.isArray(reason)) return reason;
  if (reason?.code === EXPIRED) return problem("The token in this tab's headers has expired.");
  return problem(`The connection was closed: ${reason?.code ?? ''} ${reason?.reason ?? ''}`.trim());
}
