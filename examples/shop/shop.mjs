/**
 * A shop that waits for its payments by webhook: each is processed once and in order, whatever happens.
 *
 * A customer pays an order by sending its amount with the order's number as the note. The state is one
 * file with the orders and the number of the last event that was processed, written together. A delivery
 * that comes again is ignored by its number; after a time offline, the shop asks for all it missed. If the
 * service was restored to an earlier point in time, the shop asks for all events, and knows payments again
 * by their references.
 *
 * Environment: WALLET_URL; WALLET_TOKEN, an API token with the scopes READ_TRANSACTIONS and
 * MANAGE_WEBHOOKS; SHOP_URL, the public address of this server; PORT; STATE, the file (shop.json).
 */
import { createServer } from 'node:http';
import { open, readFile, rename } from 'node:fs/promises';
import {
  InvalidSignature,
  Wallet,
  compareDecimals,
  decimal,
  isUserError,
  verifyWebhook,
  walletEvent,
} from 'mini-wallet-client';

const { WALLET_URL, WALLET_TOKEN, SHOP_URL, PORT = '8080', STATE = 'shop.json' } = process.env;
const MAXIMUM_BODY_BYTES = 1_000_000;
const wallet = new Wallet(WALLET_URL, { token: WALLET_TOKEN });
let state = await load();

// ------------------------------------------------ the state

async function load() {
  try {
    return JSON.parse(await readFile(STATE, 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw error;
  }
}

/** Replaces the file as a whole, so that a crash leaves the old state or the new one. */
async function save(changed) {
  const file = await open(`${STATE}.new`, 'w', 0o600);
  await file.writeFile(JSON.stringify(changed, null, 2));
  await file.sync();
  await file.close();
  await rename(`${STATE}.new`, STATE);
  state = changed;
}

let turn = Promise.resolve();

/** Runs one change of the state after the other. */
function inTurn(change) {
  const result = turn.then(change);
  turn = result.catch(() => {});
  return result;
}

// ------------------------------------------------ the webhook

/** Creates the webhook at the first start; at every later one, asks for what was missed meanwhile. */
async function listen() {
  if (state === null) {
    const url = `${SHOP_URL}/webhook`;
    // A start that was interrupted here did not keep the secret of its webhook.
    for (const old of await wallet.webhooks()) if (old.url === url) await wallet.deleteWebhook(old.id);
    const created = await wallet.createWebhook(url);
    if (isUserError(created)) throw new Error(created.message);
    const { webhook, secret } = created;
    const epoch = await wallet.epoch();
    await save({ webhookId: webhook.id, secret, epoch, lastNumber: webhook.deliveredThrough, orders: {}, unmatched: [] });
  } else {
    await startOverUnless(await wallet.epoch());
    const replayed = await wallet.replayWebhook(state.webhookId, state.lastNumber);
    if (isUserError(replayed)) throw new Error(replayed.message);
  }
}

/** In another epoch, the service has assigned the numbers to other events. */
async function startOverUnless(epoch) {
  if (epoch !== state.epoch) await save({ ...state, epoch, lastNumber: 0 });
}

/** The answer's status: only 2xx moves the webhook on to the next event. */
async function receive(body, headers) {
  const event = await verifyWebhook(body, headers, state.secret);
  await startOverUnless(event.epoch);
  if (event.number <= state.lastNumber) return 204;
  if (event.number > state.lastNumber + 1) {
    // The state is older than the webhook knows, for example from a backup.
    await wallet.replayWebhook(state.webhookId, state.lastNumber);
    return 409;
  }
  const changed = structuredClone(state);
  apply(walletEvent(event), changed);
  changed.lastNumber = event.number;
  await save(changed);
  return 204;
}

function apply(event, changed) {
  if (event.__typename !== 'TransactionPosted' || event.transaction.direction !== 'INCOMING') return;
  const { amount, note, reference, counterparty, kind } = event.transaction;
  if (kind !== 'TRANSFER' || isKnown(reference, changed)) return;
  const order = changed.orders[note];
  if (order?.status === 'open' && compareDecimals(order.amount, amount.amount) === 0) {
    Object.assign(order, { status: 'paid', reference, payer: counterparty?.name });
  } else {
    // A person decides whether to send it back.
    changed.unmatched.push({ reference, amount: amount.amount, note, payer: counterparty?.name });
  }
}

function isKnown(reference, { orders, unmatched }) {
  return [...Object.values(orders), ...unmatched].some((payment) => payment.reference === reference);
}

// ------------------------------------------------ the server

async function placeOrder(body) {
  const amount = decimal(JSON.parse(body).amount);
  if (compareDecimals(amount, '0') <= 0) throw new TypeError('The amount has to be positive.');
  const id = `order-${Object.keys(state.orders).length + 1}`;
  const order = { amount, status: 'open' };
  await save({ ...state, orders: { ...state.orders, [id]: order } });
  return { id, ...order, pay: `Send ${amount} with the note "${id}".` };
}

async function read(request) {
  const chunks = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > MAXIMUM_BODY_BYTES) throw new SyntaxError('The body is too large.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function answer(request) {
  const { method, url } = request;
  const body = await read(request);
  if (method === 'POST' && url === '/webhook') return [await inTurn(() => receive(body, request.headers))];
  if (method === 'POST' && url === '/orders') return [201, await inTurn(() => placeOrder(body))];
  const order = method === 'GET' && state.orders[url.slice('/orders/'.length)];
  return order ? [200, order] : [404, { message: 'There is no such order.' }];
}

const server = createServer(async (request, response) => {
  let found;
  try {
    found = await answer(request);
  } catch (error) {
    const isTheirs = [InvalidSignature, SyntaxError, TypeError].some((kind) => error instanceof kind);
    if (!isTheirs) console.error(error);
    found = [isTheirs ? 400 : 500, { message: isTheirs ? error.message : 'Something went wrong.' }];
  }
  const [status, content] = found;
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(content === undefined ? undefined : JSON.stringify(content));
});

server.listen(Number(PORT), async () => {
  await inTurn(listen);
  console.log(`The shop takes orders at ${SHOP_URL}/orders`);
});
