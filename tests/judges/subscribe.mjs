/**
 * The official `graphql-ws` client as a listener to walletEvents.
 *
 * Environment: URL (ws://… or wss://…); TOKEN, or TOKENS for successive connections; AFTER, COUNT,
 * QUERY, RESUME (operation.mjs). What the client does after a close is its own default, in which a
 * refused connection is final; RETRY=all also outlives a server that is away for a while,
 * RETRY_WAIT_MS replaces its pause, ORIGIN is sent as a browser would.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { bearers, required, say } from './lines.mjs';
import { listener, operation } from './operation.mjs';

const { ORIGIN, RETRY, RETRY_WAIT_MS } = process.env;
const authorization = bearers();
let connections = 0;

class WebSocketOfPage extends WebSocket {
  constructor(address, protocols) {
    super(address, protocols, ORIGIN ? { origin: ORIGIN } : {});
  }
}

const client = createClient({
  url: required('URL'),
  webSocketImpl: WebSocketOfPage,
  connectionParams: authorization,
  ...(RETRY === 'all' && { shouldRetry: () => true, retryAttempts: Infinity }),
  ...(RETRY_WAIT_MS && { retryWait: () => pause(Number(RETRY_WAIT_MS)) }),
  on: {
    connected: () => say({ connected: (connections += 1) }),
    closed: ({ code, reason }) => say({ closed: { code, reason: String(reason) } }),
  },
});

const payload = operation();
client.subscribe(payload, listener(payload, () => client.dispose()));
