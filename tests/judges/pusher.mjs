/**
 * The official `pusher-js` client as a listener to one private channel.
 *
 * Environment: KEY, CHANNEL, AUTH_ENDPOINT; TOKEN, or TOKENS for successive authorizations; HOST
 * and PORT, or CLUSTER alone for Pusher's own servers; TLS (1 or true); EVENT (default
 * transaction.posted); COUNT. The process ends after COUNT events or when killed: whatever the
 * server does, the client comes back as it would on a page. That takes it 15 seconds after a
 * refused connection; RECONNECT_MS begins a new attempt at that interval instead.
 */
import Pusher from 'pusher-js';
import { bearers, count, required, say } from './lines.mjs';

const { CLUSTER, EVENT = 'transaction.posted', HOST, PORT, RECONNECT_MS, TLS } = process.env;
const useTls = TLS ? ['1', 'true'].includes(TLS.toLowerCase()) : !HOST;
const wanted = count('COUNT');
let seen = 0;

const pusher = new Pusher(required('KEY'), {
  cluster: CLUSTER ?? '',
  ...(HOST && { wsHost: HOST }),
  ...(PORT && { wsPort: Number(PORT), wssPort: Number(PORT) }),
  forceTLS: useTls,
  enabledTransports: ['ws'],
  channelAuthorization: {
    endpoint: required('AUTH_ENDPOINT'),
    transport: 'ajax',
    headersProvider: bearers(),
  },
});

pusher.connection.bind('state_change', ({ current }) => say({ state: current }));
pusher.connection.bind('error', ({ error, type }) => {
  const { code, message } = error?.data ?? error ?? {};
  say({ failed: { type, code, message } });
});

const channel = pusher.subscribe(required('CHANNEL'));
channel.bind('pusher:subscription_succeeded', () => say({ subscription_succeeded: channel.name }));
channel.bind('pusher:subscription_error', ({ status, error }) =>
  say({ subscription_error: { status, error: String(error) } }),
);
channel.bind(EVENT, (data) => {
  say({ event: data });
  seen += 1;
  if (seen >= wanted) {
    pusher.disconnect();
    process.exit(0);
  }
});

if (RECONNECT_MS) {
  setInterval(() => {
    if (pusher.connection.state === 'connected') return;
    pusher.disconnect();
    pusher.connect();
  }, Number(RECONNECT_MS));
}
