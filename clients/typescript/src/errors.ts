/** What the client throws. Refusals that a person can do something about are results instead. */

/** Any error of this package. */
export class WalletError extends Error {
  constructor(message: string) {
    super(message);
    this.name = new.target.name;
  }
}

/** No answer of the service arrived. */
export class ConnectionFailed extends WalletError {
  constructor(
    message: string,
    /** What the service, or a proxy before it, asks to wait at least. */
    readonly retryAfterSeconds: number | null = null,
    /** Whether the request may have arrived, or may still arrive. */
    readonly wasSent = true,
  ) {
    super(message);
  }
}

/** The service refused the request as a whole; `code` says why (docs/api.md, "Errors"). */
export class ApiError extends WalletError {
  constructor(
    message: string,
    readonly code: string = 'INTERNAL',
    readonly extensions: Readonly<Record<string, unknown>> = {},
    /** What the service asks to wait at least. */
    readonly retryAfterSeconds: number | null = null,
  ) {
    super(message);
  }
}

/** The session or API token is missing, has ended, or is unknown: sign in again. */
export class Unauthenticated extends ApiError {
  constructor(message: string, code = 'UNAUTHENTICATED', extensions: Readonly<Record<string, unknown>> = {}) {
    super(message, code, extensions);
  }
}

/** The API token lacks a scope, the address is not verified, or the session must be confirmed. */
export class Forbidden extends ApiError {}

/** Too many requests; `retryAfterSeconds` says how long to wait. Nothing was executed. */
export class RateLimited extends ApiError {}

/** The service is without its database, or busy. */
export class Unavailable extends ApiError {}

/** The answer is not one of this API: check the address, and that the service is not older. */
export class UnexpectedAnswer extends WalletError {}

/** A webhook request was not signed by any of the secrets, or too long ago. Answer it with 400. */
export class InvalidSignature extends WalletError {}

/**
 * The call may have taken effect, or may still: no answer came for as long as was allowed, or the last
 * attempt was refused while an earlier one, whose answer was lost, may still be on its way.
 *
 * Either repeat the call with the same `key` and the same input, which takes effect once; or, where money
 * may have moved, call `closeKey(kind, key)`, whose answer is final: the transaction if there is one, else
 * none ever. `kind` is null for a call that moves no money, such as `requestMoney`.
 */
export class OutcomeUnknown extends WalletError {
  constructor(
    readonly kind: string | null,
    readonly key: string,
    override readonly cause: unknown,
  ) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const effect = kind === null ? 'it took effect' : 'the money moved';
    const ending = kind === null ? '' : `, or call closeKey('${kind}', '${key}'), whose answer is final`;
    super(
      `It is not known whether ${effect} (${reason}). Repeat the call with the key '${key}', ` +
        `which takes effect once${ending}.`,
    );
  }
}

/** An error after which the same request may succeed later. */
export type TemporaryError = ConnectionFailed | RateLimited | Unavailable;

export function isTemporary(error: unknown): error is TemporaryError {
  return error instanceof ConnectionFailed || error instanceof RateLimited || error instanceof Unavailable;
}

/** Whether the service has said that it executed nothing of the request. */
export function isRefusal(error: unknown): error is ApiError {
  return error instanceof ApiError && !(error instanceof Unavailable) && error.code !== 'INTERNAL';
}

const CLASSES = new Map<string, typeof ApiError>([
  ['UNAUTHENTICATED', Unauthenticated as typeof ApiError],
  ['FORBIDDEN', Forbidden],
  ['RATE_LIMITED', RateLimited],
  ['UNAVAILABLE', Unavailable],
]);

/** The first of an answer's top-level errors. */
export function fromAnswer(errors: unknown, retryAfter: string | null = null): WalletError {
  const first: unknown = Array.isArray(errors) ? errors[0] : undefined;
  if (typeof first !== 'object' || first === null || !('message' in first)) {
    return new UnexpectedAnswer('The answer has errors of an unknown form.');
  }
  const extensions = ('extensions' in first && first.extensions ? first.extensions : {}) as Record<string, unknown>;
  const code = String(extensions['code'] ?? 'INTERNAL');
  const Kind = CLASSES.get(code) ?? ApiError;
  return new Kind(String(first.message), code, extensions, seconds(extensions['retryAfterSeconds'] ?? retryAfter));
}

/** A number of seconds as a header or an extension says it; null for any other form. */
export function seconds(value: unknown): number | null {
  const found = value === null || value === undefined || value === '' ? NaN : Number(value);
  return Number.isFinite(found) && found >= 0 ? found : null;
}
