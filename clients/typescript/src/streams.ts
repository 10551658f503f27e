/** Numbered events that resume by number, over WebSocket or server-sent events. */

import {
  ApiError,
  type TemporaryError,
  Unauthenticated,
  UnexpectedAnswer,
  WalletError,
  isTemporary,
} from './errors.js';
import type { Operation } from './operation.js';
import { Attempts, sleep } from './retries.js';
import { overServerSentEvents } from './sse.js';
import type { Transport } from './transport.js';
import { overWebSocket } from './socket.js';

/** `sse` works everywhere; a page has only six connections per server, so `websocket` is better there. */
export type StreamTransport = 'websocket' | 'sse';

export interface StreamOptions {
  readonly over: StreamTransport;
  /** Ends the stream. */
  readonly signal: AbortSignal | undefined;
  /** Told of each interruption, after which the stream goes on. */
  readonly onInterruption: (error: WalletError) => void;
}

/** The number of the last event, and the epoch in which it was assigned. */
export interface Position {
  after: number;
  readonly epoch: string | null;
}

/** One connection of a stream. */
export interface Connection {
  readonly transport: Transport;
  readonly bearer: string | null;
  readonly document: string;
  readonly variables: object;
  readonly signal: AbortSignal | undefined;
  /** Called when the service has accepted the credential. */
  readonly onOpen: () => void;
}

/**
 * Every event after that position, each once and in order, for ever.
 *
 * The connection is made anew after it was lost, after a restart of the service, and when the access
 * token expires. Throws WalletError only where that cannot help: the credential has ended or lacks
 * the scope, or the epoch has ended.
 */
export async function* events<Event>(
  transport: Transport,
  operation: Operation<{ after?: number | null; epoch?: string | null }, Event>,
  numberOf: (event: Event) => number,
  { after, epoch }: Position,
  { over, signal, onInterruption }: StreamOptions,
): AsyncGenerator<Event, void, undefined> {
  const pauses = new Attempts(transport.options.retries);
  const connect = over === 'websocket' ? overWebSocket : overServerSentEvents;
  const { signIns } = transport;
  let wasRefreshed = false;
  const onOpen = () => {
    wasRefreshed = false;
  };
  while (!signal?.aborted) {
    transport.requireSameUser(signIns);
    const bearer = transport.bearer;
    let failure: TemporaryError | undefined;
    try {
      const { document } = operation;
      for await (const data of connect({ transport, bearer, document, variables: { after, epoch }, signal, onOpen })) {
        pauses.startOver();
        const event = operation.parse(data);
        if (numberOf(event) <= after) continue;
        after = numberOf(event);
        yield event;
      }
    } catch (error) {
      if (signal?.aborted) return;
      if (error instanceof Unauthenticated) {
        if (wasRefreshed || !transport.session || bearer === null) throw error;
        try {
          await transport.refresh(bearer);
          wasRefreshed = true;
        } catch (temporary) {
          if (!isTemporary(temporary)) throw temporary;
          onInterruption(temporary);
          failure = temporary;
        }
      } else if (isTemporary(error)) {
        onInterruption(error);
        wasRefreshed = false;
        failure = error;
      } else if (error instanceof ApiError && error.code === 'INTERNAL') {
        onInterruption(error);
      } else {
        throw error;
      }
    }
    await sleep(pauses.pause(failure), signal);
  }
}

/** The answer to a subscription that is no stream. */
export function noStream(): UnexpectedAnswer {
  return new UnexpectedAnswer('The answer to a subscription was not a stream.');
}
