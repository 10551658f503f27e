/** Sends operations over HTTP: repeated where that is safe, with a fresh access token when one expired. */

import {
  ApiError,
  ConnectionFailed,
  OutcomeUnknown,
  Unauthenticated,
  UnexpectedAnswer,
  WalletError,
  fromAnswer,
  isRefusal,
  isTemporary,
  seconds,
} from './errors.js';
import { REFRESH_SESSION, type RefreshSessionResult, type TransactionKind } from './generated.js';
import { type Operation, isObject } from './operation.js';
import { Attempts, type Retries, sleep } from './retries.js';
import { isUserError } from './values.js';

/** The tokens of a signed-in user. Keep the newest: each is replaced when it is used. */
export interface Session {
  readonly accessToken: string;
  readonly refreshToken: string;
}

export interface TransportOptions {
  readonly url: string;
  readonly token: string | null;
  readonly session: Session | null;
  readonly onSession: (session: Session | null) => void;
  readonly retries: Retries;
  readonly timeoutSeconds: number;
  /** How long a stream may be silent; by default a bit more than two heartbeats. */
  readonly silenceSeconds: number | undefined;
  readonly fetch: typeof fetch;
}

export interface ExecuteOptions {
  readonly attempts?: Attempts;
  /** Whether the operation has no further effect when it is repeated. */
  readonly isRepeatable?: boolean;
}

/** The input of an operation that has an effect once per key. */
interface Keyed {
  readonly idempotencyKey: string;
}

export interface KeyOptions {
  /** That of the transaction, if the operation moves money. */
  readonly kind?: TransactionKind | null;
  readonly giveUpAfterSeconds?: number | undefined;
}

/** Statuses of proxies and of the service's edge that a later attempt may not meet. */
const TEMPORARY = new Set([408, 429, 500, 502, 503, 504]);
/** Refusals of every attempt with the same input, whenever it arrives. */
const FINAL = new Set([
  'CannotPayYourself',
  'IdempotencyKeyClosed',
  'IdempotencyKeyReused',
  'InvalidAmount',
  'InvalidInput',
  'RequestClosed',
  'TooLate',
]);
/** Of Node: the request was not sent. */
const NOT_SENT = /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|UND_ERR_CONNECT_TIMEOUT)$/;
const ACCEPT = 'application/graphql-response+json, application/json;q=0.9';

/** A connection to the service as one user. */
export class Transport {
  session: Session | null;
  /** Changes when a user signs in or out: what was begun before must not be done by another one. */
  signIns = 0;
  private refreshing: { session: Session; result: Promise<void> } | null = null;

  constructor(readonly options: TransportOptions) {
    this.session = options.session;
  }

  /** The token that the next request carries. */
  get bearer(): string | null {
    return this.session?.accessToken ?? this.options.token;
  }

  /** Continue with this session, or without any; tells who keeps it. */
  useSession(session: Session | null, { isRenewed = false } = {}): void {
    if (!isRenewed) this.signIns += 1;
    this.session = session;
    this.options.onSession(session);
  }

  /** The operation's result. Rejects with WalletError. */
  async execute<Variables extends object, Result>(
    operation: Operation<Variables, Result>,
    variables: Variables,
    { attempts = new Attempts(this.options.retries), isRepeatable = true }: ExecuteOptions = {},
  ): Promise<Result> {
    const body = JSON.stringify({ query: operation.document, variables });
    const { signIns } = this;
    for (;;) {
      try {
        return operation.parse(await this.sendSignedIn(body, signIns));
      } catch (error) {
        const pause = isTemporary(error) && isRepeatable ? attempts.note(error) : null;
        if (pause === null) throw error;
        await sleep(pause);
      }
    }
  }

  /** The result of an operation with an idempotency key. Rejects with OutcomeUnknown to give up. */
  async oncePerKey<Input extends Keyed, Result extends { readonly __typename: string }>(
    operation: Operation<{ readonly input: Input }, Result>,
    input: Input,
    { kind = null, giveUpAfterSeconds }: KeyOptions,
  ): Promise<Result> {
    const key = input.idempotencyKey;
    const attempts = new Attempts(this.options.retries, giveUpAfterSeconds);
    let result: Result;
    try {
      result = await this.execute(operation, { input }, { attempts });
    } catch (error) {
      // An earlier attempt whose answer was lost may have taken effect all the same.
      const isOfProgram = !(error instanceof WalletError);
      if ((isRefusal(error) || isOfProgram) && !attempts.areAmbiguous) throw error;
      throw new OutcomeUnknown(kind, key, error);
    }
    if (attempts.mayBeInTransit && isUserError(result) && !FINAL.has(result.__typename)) {
      const reason = 'the last attempt was refused, and an earlier one may still arrive';
      throw new OutcomeUnknown(kind, key, reason);
    }
    return result;
  }

  /** Replace the access token, unless that has happened meanwhile. Rejects with Unauthenticated. */
  async refresh(expired: string): Promise<void> {
    const { session } = this;
    if (session?.accessToken !== expired) return;
    if (this.refreshing?.session !== session) {
      this.refreshing = { session, result: this.refreshOnce(session) };
    }
    await this.refreshing.result;
  }

  private async refreshOnce(session: Session): Promise<void> {
    try {
      const result = await this.refreshed(session.refreshToken);
      if (this.session !== session) return;
      if (result.__typename === 'SignedIn' && result.credentials.refreshToken !== null) {
        const { accessToken, refreshToken } = result.credentials;
        this.useSession({ accessToken, refreshToken }, { isRenewed: true });
        return;
      }
      this.useSession(null);
      throw new Unauthenticated('message' in result ? result.message : 'The session has ended.');
    } finally {
      if (this.refreshing?.session === session) this.refreshing = null;
    }
  }

  /** Throws Unauthenticated if a user has signed in or out since. */
  requireSameUser(signIns: number): void {
    if (this.signIns !== signIns) throw new Unauthenticated('The user signed out, or another one in, meanwhile.');
  }

  /** Repeats a lost answer: for 30 seconds the old token gives the same new ones. */
  private async refreshed(refreshToken: string): Promise<RefreshSessionResult> {
    const attempts = new Attempts(this.options.retries, 20);
    const body = JSON.stringify({ query: REFRESH_SESSION.document, variables: { input: { refreshToken } } });
    for (;;) {
      try {
        return REFRESH_SESSION.parse(await this.send(body, null));
      } catch (error) {
        const pause = isTemporary(error) ? attempts.note(error) : null;
        if (pause === null) throw error;
        await sleep(pause);
      }
    }
  }

  private async sendSignedIn(body: string, signIns: number): Promise<unknown> {
    this.requireSameUser(signIns);
    const bearer = this.bearer;
    try {
      return await this.send(body, bearer);
    } catch (error) {
      if (!(error instanceof Unauthenticated) || !this.session || bearer === null) throw error;
      await this.refresh(bearer);
      this.requireSameUser(signIns);
      return this.send(body, this.bearer);
    }
  }

  private async send(body: string, bearer: string | null): Promise<unknown> {
    const signal = AbortSignal.timeout(this.options.timeoutSeconds * 1000);
    try {
      const response = await this.post(body, bearer, ACCEPT, signal);
      return read(response.status, response.headers, await response.text());
    } catch (error) {
      throw asWalletError(error);
    }
  }

  /** The content of a file of the service, as it arrives. Rejects with WalletError. */
  async download(url: string): Promise<ReadableStream<Uint8Array>> {
    const attempts = new Attempts(this.options.retries);
    for (;;) {
      try {
        return await this.opened(url);
      } catch (error) {
        const pause = isTemporary(error) ? attempts.note(error) : null;
        if (pause === null) throw error;
        await sleep(pause);
      }
    }
  }

  private async opened(url: string): Promise<ReadableStream<Uint8Array>> {
    const { fetch, timeoutSeconds } = this.options;
    // Until the answer begins: a file may take longer.
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(new DOMException('No answer in time', 'TimeoutError')), timeoutSeconds * 1000);
    try {
      const response = await fetch(url, { cache: 'no-store', credentials: 'omit', signal: late.signal });
      if (response.ok && response.body) return response.body;
      throw noFile(response.status, response.headers, await response.text());
    } catch (error) {
      throw asWalletError(error);
    } finally {
      clearTimeout(timer);
    }
  }

  /** One request, whatever its answer. */
  post(body: string, bearer: string | null, accept: string, signal: AbortSignal): Promise<Response> {
    const headers: Record<string, string> = { accept, 'content-type': 'application/json' };
    if (bearer !== null) headers['authorization'] = `Bearer ${bearer}`;
    const { fetch, url } = this.options;
    return fetch(url, { method: 'POST', headers, body, signal, cache: 'no-store', credentials: 'omit' });
  }
}

/** The `data` of an answer. Throws WalletError. */
export function read(status: number, headers: Headers, body: string): unknown {
  const retryAfter = headers.get('retry-after');
  let answer: unknown;
  try {
    answer = JSON.parse(body);
  } catch {
    answer = null;
  }
  if (isObject(answer) && ('data' in answer || 'errors' in answer)) return dataOf(answer, retryAfter);
  if (TEMPORARY.has(status)) throw noFile(status, headers, '');
  throw new UnexpectedAnswer(`The answer was HTTP status ${status} and not one of GraphQL: check the address.`);
}

/** What is to be thrown for an answer that is neither a file nor one of GraphQL. */
function noFile(status: number, headers: Headers, text: string): WalletError {
  const message = `The answer was HTTP status ${status}.`;
  if (TEMPORARY.has(status)) return new ConnectionFailed(message, seconds(headers.get('retry-after')));
  return new ApiError(text.trim() || message, `HTTP_${status}`);
}

/** The `data` of a GraphQL result. Throws WalletError where it has errors. */
export function dataOf(answer: unknown, retryAfter: string | null = null): unknown {
  if (!isObject(answer)) throw new UnexpectedAnswer('The answer is not one of GraphQL.');
  if (Array.isArray(answer['errors']) && answer['errors'].length) throw fromAnswer(answer['errors'], retryAfter);
  return answer['data'];
}

/** What fetch throws, as an error of ours. */
export function asWalletError(error: unknown): unknown {
  const isOfFetch = error instanceof TypeError || (error instanceof Error && /^(Abort|Timeout)Error$/.test(error.name));
  if (!isOfFetch) return error;
  const { cause } = error;
  const wasSent = !(isObject(cause) && NOT_SENT.test(String(cause['code'])));
  return new ConnectionFailed(cause instanceof Error ? `${error.message}: ${cause.message}` : error.message, null, wasSent);
}
