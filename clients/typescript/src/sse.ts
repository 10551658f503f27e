/** A subscription as server-sent events over fetch, which lets the request carry a token. */

import { type Connection, noStream } from './streams.js';
import { asWalletError, dataOf, read } from './transport.js';

/** The service sends a heartbeat every 12 seconds: a connection that is silent for longer is dead. */
const SILENCE_SECONDS = 30;
/** A client that accepts only streams would be told nothing but a status. */
const ACCEPT = 'text/event-stream, application/graphql-response+json;q=0.9';

/** The data of each event of one connection, until the service ends it. */
export async function* overServerSentEvents(connection: Connection): AsyncGenerator<unknown, void, undefined> {
  const { transport, bearer, document, variables, signal, onOpen } = connection;
  const silence = new AbortController();
  const silenceSeconds = transport.options.silenceSeconds ?? SILENCE_SECONDS;
  let timer = setTimeout(() => silence.abort(), silenceSeconds * 1000);
  const stop = () => silence.abort();
  signal?.addEventListener('abort', stop);
  try {
    const body = JSON.stringify({ query: document, variables });
    const response = await transport.post(body, bearer, ACCEPT, silence.signal);
    if (!response.headers.get('content-type')?.startsWith('text/event-stream') || !response.body) {
      read(response.status, response.headers, await response.text());
      throw noStream();
    }
    onOpen();
    const parser = new Parser();
    const reader = response.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), silenceSeconds * 1000);
      for (const { event, data } of parser.take(value)) {
        if (event === 'complete') return;
        if (event === 'next') yield dataOf(JSON.parse(data));
      }
    }
  } catch (error) {
    throw asWalletError(error);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
    silence.abort();
  }
}

interface Message {
  readonly event: string;
  readonly data: string;
}

/** Parses the fields of https://html.spec.whatwg.org/multipage/server-sent-events.html that we use. */
export class Parser {
  private readonly decoder = new TextDecoder();
  private buffer = '';
  private event = '';
  private data: string[] = [];

  take(bytes: Uint8Array): Message[] {
    const messages: Message[] = [];
    this.buffer += this.decoder.decode(bytes, { stream: true });
    // A carriage return at the end may be half of a line break.
    for (let match; (match = /\r\n|\n|\r(?!$)/.exec(this.buffer)); ) {
      const line = this.buffer.slice(0, match.index);
      this.buffer = this.buffer.slice(match.index + match[0].length);
      if (line) this.takeLine(line);
      else messages.push(...this.dispatch());
    }
    return messages;
  }

  private takeLine(line: string): void {
    const [field = '', ...rest] = line.split(':');
    const value = rest.join(':').replace(/^ /, '');
    if (field === 'event') this.event = value;
    if (field === 'data') this.data.push(value);
  }

  private dispatch(): Message[] {
    const { event, data } = this;
    this.event = '';
    this.data = [];
    return data.length ? [{ event: event || 'message', data: data.join('\n') }] : [];
  }
}
