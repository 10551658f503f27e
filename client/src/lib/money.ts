/** Amounts as exact decimal strings, shown and read in the browser's own format; never a float. */

export interface Money {
  /** Exact, such as "12.50". */
  amount: string;
  /** ISO 4217 code. */
  currency: string;
}

interface MoneyOptions {
  sign?: 'incoming' | 'outgoing';
  locale?: string;
}

const formatters = new Map<string, Intl.NumberFormat>();

function formatter(currency: string, locale: string | undefined): Intl.NumberFormat {
  const key = `${locale ?? ''} ${currency}`;
  let found = formatters.get(key);
  if (!found) {
    found = new Intl.NumberFormat(locale, { style: 'currency', currency });
    formatters.set(key, found);
  }
  return found;
}

/** How many decimals the currency has: 2 for USD, 0 for JPY. */
export function currencyDecimals(currency: string): number {
  return formatter(currency, 'en').resolvedOptions().maximumFractionDigits ?? 2;
}

/** The sign that stands before or after an amount, such as "$". */
export function currencySymbol(currency: string, locale?: string): string {
  return formatter(currency, locale).formatToParts(0).find((part) => part.type === 'currency')?.value ?? currency;
}

/** "$1,234.50", and "+$1,234.50" or "−$1,234.50" where a direction is given. Exact at any size. */
export function formatMoney(money: Money, options: MoneyOptions = {}): string {
  const text = formatter(money.currency, options.locale).format(money.amount as Intl.StringNumericLiteral);
  if (options.sign === 'incoming') return `+${text}`;
  if (options.sign === 'outgoing') return `\u2212${text}`;
  return text;
}

interface Separators {
  decimal: string;
  group: string;
  digits: string[];
}

function separators(locale: string | undefined): Separators {
  const parts = new Intl.NumberFormat(locale, { useGrouping: true }).formatToParts(-1234567.5);
  const part = (type: string) => parts.find((each) => each.type === type)?.value;
  const numerals = new Intl.NumberFormat(locale, { useGrouping: false });
  return {
    decimal: part('decimal') ?? '.',
    group: part('group') ?? '',
    digits: Array.from({ length: 10 }, (_, digit) => numerals.format(digit)),
  };
}

/**
 * The exact amount that a person typed, such as "12.50" of "12,5" in Germany; null for what is no
 * amount. A point or comma before at most as many digits as the currency has decimals is taken as the decimal sign.
 */
export function typedToAmount(typed: string, currency: string, locale?: string): string | null {
  const { decimal, group, digits } = separators(locale);
  const decimals = currencyDecimals(currency);
  let text = typed.trim().replace(currencySymbol(currency, locale), '').replace(/[\s\u00a0\u202f'’]/g, '');
  text = [...text].map((sign) => (digits.includes(sign) ? String(digits.indexOf(sign)) : sign)).join('');
  const other = decimal === ',' ? '.' : ',';
  const soleOther = new RegExp(`^\\d*\\${other}\\d{1,${Math.max(decimals, 1)}}$`);
  if (decimals > 0 && decimals < 3 && !text.includes(decimal) && soleOther.test(text)) {
    text = text.replace(other, decimal);
  }
  const grouped = new RegExp(`^\\d{1,3}(?:\\${group || ','}\\d{2,3})*\\${group || ','}\\d{3}(?:\\${decimal}\\d*)?$`);
  if (group && grouped.test(text)) text = text.replaceAll(group, '');
  text = text.replace(decimal, '.');
  const match = /^(\d*)(?:\.(\d*))?$/.exec(text);
  if (!match) return null;
  const whole = (match[1] ?? '').replace(/^0+(?=\d)/, '') || '0';
  const fraction = match[2] ?? '';
  if (fraction.length > decimals || (match[1] === '' && fraction === '')) return null;
  return decimals === 0 ? whole : `${whole}.${fraction.padEnd(decimals, '0')}`;
}

/** An exact amount as a person would type it: "12,50" in Germany. */
export function amountToTyped(amount: string, locale?: string): string {
  return amount.replace('.', separators(locale).decimal);
}

function minorUnits(money: Money): bigint {
  const [whole = '0', fraction = ''] = money.amount.split('.');
  return BigInt(`${whole}${fraction.padEnd(currencyDecimals(money.currency), '0')}`);
}

/** Less than zero, zero or more, as the first is smaller than, the same as or larger than the second. */
export function compareMoney(first: Money, second: Money): number {
  const difference = minorUnits(first) - minorUnits(second);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

export function isZero(money: Money): boolean {
  return minorUnits(money) === 0n;
}
