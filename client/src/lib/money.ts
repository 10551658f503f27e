/** Amounts as exact decimal strings, shown in the browser's own format; never a float. */

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

// ISO 4217, as the service has it: every other currency has two. Browsers go by CLDR, which leaves out
// decimals that are not in use, and would round what is in the ledger.
const DECIMALS: Readonly<Record<number, string>> = {
  0: 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF',
  3: 'BHD IQD JOD KWD LYD OMR TND',
  4: 'CLF UYW',
};
const decimalsOf = new Map(
  Object.entries(DECIMALS).flatMap(([decimals, codes]) => codes.split(' ').map((code) => [code, Number(decimals)] as const)),
);

/** How many decimals the currency has: 2 for USD, 0 for JPY. */
export function currencyDecimals(currency: string): number {
  return decimalsOf.get(currency) ?? 2;
}

const formatters = new Map<string, Intl.NumberFormat>();

/** The browser's formatter for amounts of the currency, with all of its decimals. */
function currencyFormatter(currency: string, locale?: string): Intl.NumberFormat {
  const key = `${locale ?? ''} ${currency}`;
  let found = formatters.get(key);
  if (!found) {
    const decimals = currencyDecimals(currency);
    found = new Intl.NumberFormat(locale, {
      style: 'currency',
      currency,
      minimumFractionDigits: decimals,
      maximumFractionDigits: decimals,
    });
    formatters.set(key, found);
  }
  return found;
}

/** The sign that stands before or after an amount, such as "$". */
export function currencySymbol(currency: string, locale?: string): string {
  return currencyFormatter(currency, locale).formatToParts(0).find((part) => part.type === 'currency')?.value ?? currency;
}

/** "$1,234.50", and "+$1,234.50" or "−$1,234.50" where a direction is given. Exact at any size. */
export function formatMoney(money: Money, options: MoneyOptions = {}): string {
  const text = currencyFormatter(money.currency, options.locale).format(money.amount as Intl.StringNumericLiteral);
  if (options.sign === 'incoming') return `+${text}`;
  if (options.sign === 'outgoing') return `\u2212${text}`;
  return text;
}

/** The amount of that many minor units: 1250 in USD is "12.50". */
export function fromMinorUnits(units: bigint, currency: string): Money {
  const decimals = currencyDecimals(currency);
  const digits = String(units).padStart(decimals + 1, '0');
  return { amount: decimals === 0 ? digits : `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`, currency };
}

/** How many of its currency's smallest unit it is. */
export function minorUnits(money: Money): bigint {
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
