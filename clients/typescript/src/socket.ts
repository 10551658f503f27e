/** A subscription over a WebSocket of its own, with the protocol `graphql-transport-ws`. */

import { createClient } from 'graphql-ws/client';

import { ConnectionFailed, Unauthenticated, fromAnswer } from './errors.js';
import { isObject } from './operation.js';
import type { Connection } from './streams.js';
import { dataOf } from './transport.js';

/** From the beginning to the acknowledgement of the credential. */
const OPEN_SECONDS = 20;
const PING_SECONDS = 10;
const PONG_SECONDS = 10;
/** The credential has ended or is unknown, and the access token has expired. */
const REFUSED = new Set([4401, 4403]);

/** The data of each event of one connection, until the service ends it. */
export async function* overWebSocket(connection: Connection): AsyncGenerator<unknown, void, undefined> {
  const { transport, bearer, document, variables, signal, onOpen } = connection;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silenceSeconds = transport.options.silenceSeconds;
  const client = createClient({
    url: transport.options.url.replace(/^http/, 'ws'),
    ...(bearer !== null && { connectionParams: { Authorization: `Bearer ${bearer}` } }),
    retryAttempts: 0,
    keepAlive: (silenceSeconds ? silenceSeconds / 2 : PING_SECONDS) * 1000,
    on: {
      connected: () => {
        clearTimeout(timer);
        onOpen();
      },
      ping: (wasReceived) => {
        if (wasReceived) return;
        // Without an answer, the connection is dead, although neither side has ended it.
        timer = setTimeout(() => client.terminate(), (silenceSeconds ? silenceSeconds / 2 : PONG_SECONDS) * 1000);
      },
      pong: (wasReceived) => {
        if (wasReceived) clearTimeout(timer);
      },
      closed: () => clearTimeout(timer),
    },
  });
  timer = setTimeout(() => client.terminate(), OPEN_SECONDS * 1000);
  const stop = () => client.terminate();
  signal?.addEventListener('abort', stop);
  try {
    const variablesOf = variables as Record<string, unknown>;
    for await (const result of client.iterate({ query: document, variables: variablesOf })) yield dataOf(result);
  } catch (error) {
    throw asSocketError(error);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
    void client.dispose();
  }
}

/** What graphql-ws throws: the close event, the errors of an operation, or the event of a failed connection. */
function asSocketError(error: unknown): unknown {
  if (Array.isArray(error)) return fromAnswer(error);
  if (!isObject(error)) return error;
  if (typeof error['code'] === 'number') {
    const reason = String(error['reason'] || `The WebSocket was closed with ${error['code']}.`);
    return REFUSED.has(error['code']) ? new Unauthenticated(reason) : new ConnectionFailed(reason);
  }
  const isOfSocket = typeof Event !== 'undefined' && error instanceof Event;
  return isOfSocket ? new ConnectionFailed('The WebSocket could not be opened.') : error;
}
