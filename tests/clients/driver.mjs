/**
 * The TypeScript client as a program uses it, told by the tests what to call.
 *
 * Each line of standard input is `{"id", "call", "with"}`; the answer has the same id and `result` or
 * `error`. `open` makes the wallet, `events` and `notifications` begin to send each event as a line
 * `{"event"}`, and `all` collects an iterator.
 */
import { writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import * as client from 'mini-wallet-client';

const say = (finding) => process.stdout.write(`${JSON.stringify(finding)}\n`);
let wallet;
const stopped = new AbortController();

async function listen(stream, options) {
  try {
    for await (const event of wallet[stream]({ ...options, signal: stopped.signal })) say({ event });
    say({ event: 'stopped' });
  } catch (error) {
    say({ event: described(error) });
  }
}

const described = ({ name, message, ...more }) => ({ name, message, ...more });
const revived = (value) => (typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value) ? new Date(value) : value);

const CALLS = {
  open: (url, options) => {
    wallet = new client.Wallet(url, { ...options, onSession: (session) => say({ session }) });
    return wallet.session;
  },
  events: (options) => void listen('events', options),
  notifications: (options) => void listen('notifications', options),
  stop: () => stopped.abort(),
  all: async (method, ...given) => {
    const found = [];
    for await (const item of wallet[method](...given)) found.push(item);
    return found;
  },
  save: async (statement, path) => writeFile(path, await wallet.download(statement)),
  together: async (count, method, ...given) =>
    Promise.all(Array.from({ length: count }, () => wallet[method](...given))),
};

createInterface({ input: process.stdin }).on('line', async (line) => {
  const { id, call, with: given } = JSON.parse(line, (_key, value) => revived(value));
  try {
    const result = await (CALLS[call] ?? wallet[call].bind(wallet))(...given);
    say({ id, result: result ?? null });
  } catch (error) {
    say({ id, error: described(error) });
  }
});
