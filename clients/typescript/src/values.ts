/** Exact amounts, and the base types of what the API answers. */

declare const exact: unique symbol;

/** An exact decimal number as the API writes it, such as `'12.50'`: make one with `decimal`. */
export type Decimal = string & { readonly [exact]: true };

/** One of these values, or one that a newer version of the service has. */
export type Open<Known extends string> = Known | (string & Record<never, never>);

/** An amount in one currency, exact, with the currency's own number of decimals. */
export interface Money {
  readonly amount: Decimal;
  /** ISO 4217 code. */
  readonly currency: string;
}

/**
 * A refusal that is newer than this client. Known refusals have interfaces and a `__typename` of their
 * own; `isUserError` recognises both.
 */
export interface UserError {
  readonly __typename: 'UserError';
  /** The type that the service named. */
  readonly typename: string;
  /** A sentence that can be shown to a person. */
  readonly message: string;
}

/** Why something was refused, where that is not the result of a call; `__typename` says which refusal it is. */
export interface Refusal {
  readonly __typename: string;
  /** A sentence that can be shown to a person. */
  readonly message: string;
}

/** What can be given as an amount. A number has to be a whole one: others are not exact. */
export type Amount = Decimal | string | number | bigint;

/** An amount as the API takes it. Throws a TypeError for a number that is not a safe integer, and for other text. */
export function decimal(value: Amount): Decimal {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    throw new TypeError(`${value} is not exact: give amounts as strings, such as '12.50'.`);
  }
  const text = String(value);
  if (!/^[+-]?(\d+(\.\d*)?|\.\d+)$/.test(text)) {
    throw new TypeError(`${JSON.stringify(text)} is not an amount: digits with at most one point, such as '12.50'.`);
  }
  return text as Decimal;
}

/** The amount in the smallest unit of its currency: `1250n` for 12.50 USD. */
export function minorUnits(money: Money): bigint {
  return BigInt(money.amount.replace('.', ''));
}

/** The amount of so many of the smallest units, with the decimals of the currency: `12.50` for 1250n and 2. */
export function fromMinorUnits(units: bigint, decimals: number): Decimal {
  const digits = (units < 0n ? -units : units).toString().padStart(decimals + 1, '0');
  const point = digits.length - decimals;
  const sign = units < 0n ? '-' : '';
  return `${sign}${digits.slice(0, point)}${decimals ? `.${digits.slice(point)}` : ''}` as Decimal;
}

/** Negative, zero or positive as the first number is less than, equal to or greater than the second. */
export function compareDecimals(first: Decimal, second: Decimal): number {
  const [one, other] = aligned(first, second);
  return one < other ? -1 : Number(one > other);
}

/** Both numbers in units of the smaller of their last places. */
function aligned(first: Decimal, second: Decimal): [bigint, bigint] {
  const places = Math.max(placesOf(first), placesOf(second));
  const units = (value: Decimal) => {
    const [whole = '', fraction = ''] = value.replace(/^[+-]/, '').split('.');
    const digits = BigInt(whole + fraction.padEnd(places, '0'));
    return value.startsWith('-') ? -digits : digits;
  };
  return [units(first), units(second)];
}

function placesOf(value: Decimal): number {
  return value.split('.')[1]?.length ?? 0;
}

/** How many decimals the amount's currency has, as its amounts are written. */
export function decimalsOf(money: Money): number {
  return placesOf(money.amount);
}

/** A new idempotency key. Store it before the first attempt, and repeat with it. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Whether a result is a refusal: a rule that the request broke, with a `message` to show. */
export function isUserError<Result extends object>(result: Result): result is Extract<Result, { message: string }> {
  return 'message' in result;
}
