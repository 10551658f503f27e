/**
 * The official `graphql-sse` client, in distinct connections mode, as a listener to walletEvents.
 *
 * Environment: URL (http://… or https://…); TOKEN, or TOKENS for successive connections; AFTER,
 * COUNT, QUERY, RESUME (operation.mjs); LAST_EVENT_ID is sent as the header of that name;
 * RETRY_WAIT_MS replaces the client's pause and lifts its limit of tries. (The client itself does
 * not look at the events' ids.)
 */
import { setTimeout as pause } from 'node:timers/promises';
import { createClient } from 'graphql-sse';
import { bearers, required, say } from './lines.mjs';
import { listener, operation } from './operation.mjs';

const { LAST_EVENT_ID, RETRY_WAIT_MS } = process.env;
const authorization = bearers();
let connections = 0;

const client = createClient({
  url: required('URL'),
  headers: () => ({ ...authorization(), ...(LAST_EVENT_ID && { 'Last-Event-ID': LAST_EVENT_ID }) }),
  ...(RETRY_WAIT_MS && {
    retry: () => pause(Number(RETRY_WAIT_MS)),
    retryAttempts: Infinity,
  }),
  on: {
    connected: () => say({ connected: (connections += 1) }),
  },
});

const payload = operation();
client.subscribe(payload, listener(payload, () => client.dispose()));
