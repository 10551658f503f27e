/** Verifies webhook requests, by Standard Webhooks (https://www.standardwebhooks.com). */

import { InvalidSignature } from './errors.js';
import { type AnyWalletEvent, NOTIFICATIONS, type Notification, WALLET_EVENTS, type WebhookStream } from './generated.js';
import { isObject } from './operation.js';

export const TOLERANCE_SECONDS = 300;

/** A verified delivery. Deliveries are repeated: ignore a `number` up to the last one processed of that `epoch`. */
export interface WebhookEvent {
  /** The same at every attempt. */
  readonly id: string;
  /** `wallet.event` or `notification`; a newer service may have more. */
  readonly type: string;
  /** The event's number in its stream: 1, 2, 3 … without a gap. */
  readonly number: number;
  /** In which epoch the number was assigned: in another one, it belongs to another event. See `Wallet.epoch`. */
  readonly epoch: string | null;
  readonly timestamp: string;
  /** The result of the webhook's document for this event. */
  readonly data: unknown;
}

/** The headers of a request: those of fetch, or an object as Node's http module has it. */
export type HeadersOfRequest = Headers | Readonly<Record<string, string | readonly string[] | undefined>>;

export interface VerifyOptions {
  readonly toleranceSeconds?: number;
  /** The time now in milliseconds. */
  readonly now?: number;
}

/**
 * The event of a webhook request, if one of the secrets (`whsec_…`) signed it.
 *
 * `body` is the body as it was received, byte for byte. While a secret is being replaced, give both.
 * Rejects with InvalidSignature, also if the request is older or newer than the tolerance.
 */
export async function verifyWebhook(
  body: string | Uint8Array,
  headers: HeadersOfRequest,
  secrets: string | readonly string[],
  { toleranceSeconds = TOLERANCE_SECONDS, now = Date.now() }: VerifyOptions = {},
): Promise<WebhookEvent> {
  if (typeof body !== 'string' && !ArrayBuffer.isView(body)) {
    throw new TypeError('Give the body as it was received, as a string or a Uint8Array: not parsed.');
  }
  const keys = await Promise.all([secrets].flat().map(importKey));
  const id = header(headers, 'webhook-id');
  const sent = header(headers, 'webhook-timestamp');
  const signatures = header(headers, 'webhook-signature');
  if (!/^\d+$/.test(sent)) throw new InvalidSignature('The timestamp is not a number of seconds.');
  if (Math.abs(now / 1000 - Number(sent)) > toleranceSeconds) {
    throw new InvalidSignature('The request was sent too long ago, or one of the clocks is wrong.');
  }
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
  const head = new TextEncoder().encode(`${id}.${sent}.`);
  const signed = new Uint8Array(head.length + bytes.length);
  signed.set(head);
  signed.set(bytes, head.length);
  const found = signatures
    .split(' ')
    .filter((part) => part.startsWith('v1,'))
    .flatMap((part) => decoded(part.slice(3)) ?? []);
  // WebCrypto compares in constant time; every pair is compared, whichever fits.
  const matches = await Promise.all(
    keys.flatMap((key) => found.map((signature) => crypto.subtle.verify('HMAC', key, signature, signed))),
  );
  if (!matches.includes(true)) throw new InvalidSignature('No signature of the request is by one of the secrets.');
  return event(id, bytes);
}

/** The event of the wallet of a delivery to a webhook that this client created without a document. */
export function walletEvent(event: WebhookEvent): AnyWalletEvent {
  return WALLET_EVENTS.parse(event.data);
}

/** The notification of a delivery to a webhook that this client created without a document. */
export function notification(event: WebhookEvent): Notification {
  return NOTIFICATIONS.parse(event.data);
}

/** The document of a webhook whose events this client reads whole; null for an unknown stream. */
export function documentOf(stream: WebhookStream): string | null {
  if (stream === 'WALLET_EVENTS') return WALLET_EVENTS.document;
  return stream === 'NOTIFICATIONS' ? NOTIFICATIONS.document : null;
}

function importKey(secret: string): Promise<CryptoKey> {
  const bytes = decoded(secret.replace(/^whsec_/, ''));
  if (!bytes?.length) throw new TypeError('A webhook secret is whsec_ and base64, as createWebhook returned it.');
  return crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify']);
}

function decoded(base64: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  } catch {
    return null;
  }
}

function header(headers: HeadersOfRequest, name: string): string {
  let value: unknown;
  if (typeof (headers as Headers).get === 'function') value = (headers as Headers).get(name);
  else value = Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1];
  if (typeof value !== 'string') throw new InvalidSignature(`The header ${name} is missing.`);
  return value;
}

function event(id: string, bytes: Uint8Array): WebhookEvent {
  let content: unknown;
  try {
    content = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    content = null;
  }
  if (
    !isObject(content) ||
    typeof content['type'] !== 'string' ||
    typeof content['number'] !== 'number' ||
    typeof content['timestamp'] !== 'string' ||
    !('data' in content)
  ) {
    throw new InvalidSignature('The body is signed, but not one of a webhook of this API.');
  }
  const { type, number, timestamp, data } = content;
  // Version 1.0 of the service does not send it.
  const epoch = typeof content['epoch'] === 'string' ? content['epoch'] : null;
  return { id, type, number, epoch, timestamp, data };
}
