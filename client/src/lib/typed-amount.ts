/**
 * Parses amounts as users type or paste them, in the format, digits and spaces of any locale, without guessing.
 *
 * A point or comma is the decimal sign or groups thousands. Where both occur, the last one is the decimal
 * sign. One that occurs more than once groups. A single one groups only if it has one to three digits
 * before it and exactly three behind it. Then it could be either, and this decides: it is the decimal
 * sign if it is the locale's; it groups if it is the locale's group separator and the currency has fewer
 * than three decimals; otherwise the text is refused. Spaces and apostrophes only ever group.
 */

import { currencyDecimals, currencySymbol } from '@/lib/money';
import { withoutInvisible } from '@/lib/text';

export interface ReadAmount {
  /** Exact, in ASCII, with all decimals of the currency, such as "12.50"; null without one. */
  amount: string | null;
  /** What is wrong with the text and how to correct it; null for an amount or an empty text. */
  fault: string | null;
}

interface Format {
  decimal: string;
  groups: readonly string[];
  digits: ReadonlyMap<string, string>;
}

// In the normalized text: a sign that can only be the decimal sign, and one that can only group.
const DECIMAL = 'd';
const GROUP = 'g';

const MINUS = /[-\u2010-\u2015\u2212\u207b\u208b\ufe58\ufe63]/u;
const PLUS = /^[+\ufe62]/u;
const STAND_INS = new Map([
  ['\u3001', ','], // ideographic comma
  ['\uff64', ','], // its half-width form
  ['\u060c', ','], // Arabic comma
  ['\u3002', '.'], // ideographic full stop
  ['\uff61', '.'], // its half-width form
  ['\u066b', DECIMAL], // Arabic decimal separator
  ['\u066c', GROUP], // Arabic thousands separator
]);
const APOSTROPHES_AND_SPACES = /['\u2018\u2019\u02bc\s]/u;

const formats = new Map<string, Format>();

function formatOf(currency: string, locale: string | undefined): Format {
  const key = `${locale ?? ''} ${currency}`;
  let format = formats.get(key);
  if (!format) {
    const part = (formatter: Intl.NumberFormat, type: string) =>
      formatter.formatToParts(-1234567.5).find((each) => each.type === type)?.value;
    const amounts = new Intl.NumberFormat(locale, { style: 'currency', currency, minimumFractionDigits: 2 });
    const numbers = new Intl.NumberFormat(locale, { useGrouping: 'always' });
    const decimal = part(amounts, 'decimal') ?? '.';
    const groups = [part(amounts, 'group'), part(numbers, 'group')].filter((sign) => sign && sign !== decimal);
    const digits = Array.from({ length: 10 }, (_, digit) => [numbers.format(digit), String(digit)] as const);
    format = { decimal, groups: groups as string[], digits: new Map(digits) };
    formats.set(key, format);
  }
  return format;
}

/** The value of a decimal digit of any script; Unicode has them in runs of ten, from zero to nine. */
function digitValue(sign: string): string | undefined {
  const code = sign.codePointAt(0) ?? 0;
  if (!/^\p{Nd}$/u.test(sign)) return undefined;
  let start = code;
  while (/^\p{Nd}$/u.test(String.fromCodePoint(start - 1))) start -= 1;
  return String((code - start) % 10);
}

/** The text with "0" to "9", ".", "," and the two signs above; other characters stay. */
function inPlainSigns(text: string, { decimal, groups, digits }: Format): string {
  return [...text]
    .map((sign) => {
      if (APOSTROPHES_AND_SPACES.test(sign)) return GROUP;
      if (sign === '.' || sign === ',') return sign;
      if (sign === decimal) return DECIMAL;
      if (groups.includes(sign)) return GROUP;
      // Letters in the text must not be mistaken for the two signs.
      return STAND_INS.get(sign) ?? digits.get(sign) ?? digitValue(sign) ?? (/[a-z]/.test(sign) ? '?' : sign);
    })
    .join('');
}

/** Without invisible characters, with single plain spaces, and with full-width characters as ASCII. */
function tidy(text: string): string {
  const narrow = withoutInvisible(text).replace(/[\uff01-\uff60\uffe0-\uffe6]/gu, (sign) => sign.normalize('NFKC'));
  return narrow.replace(/\s+/gu, ' ').trim();
}

/** Whether the symbol means another currency in this locale, such as "$" for CAD in Canada. */
function isOfAnother(symbol: string, currency: string, locale: string | undefined): boolean {
  return Intl.supportedValuesOf('currency').some((code) => code !== currency && tidy(currencySymbol(code, locale)) === symbol);
}

const marks = new Map<string, readonly string[]>();

/** Texts that may precede or follow an amount of the currency, in upper case, longest first. */
function marksOf(currency: string, locale: string | undefined): readonly string[] {
  const key = `${locale ?? ''} ${currency}`;
  let found = marks.get(key);
  if (!found) {
    const narrow = new Intl.NumberFormat(locale, { style: 'currency', currency, currencyDisplay: 'narrowSymbol' })
      .formatToParts(0)
      .find(({ type }) => type === 'currency')?.value;
    const symbol = tidy(narrow ?? currency);
    found = [
      currency,
      tidy(currencySymbol(currency, locale)),
      `${currency.slice(0, 2)}${symbol}`,
      ...(isOfAnother(symbol, currency, locale) ? [] : [symbol]),
    ];
    found = [...new Set(found.filter(Boolean).map((mark) => mark.toUpperCase()))].sort((one, other) => other.length - one.length);
    marks.set(key, found);
  }
  return found;
}

function withoutCurrency(text: string, currency: string, locale: string | undefined): string {
  if (!/[^\p{Nd}.,]/u.test(text)) return text;
  for (const mark of marksOf(currency, locale)) {
    if (text.toUpperCase().startsWith(mark)) return text.slice(mark.length);
    if (text.toUpperCase().endsWith(mark)) return text.slice(0, -mark.length);
  }
  return text;
}

/** The digits without group separators; null if those are misplaced. */
function ungrouped(whole: string): string | null {
  if (/^[0-9]*$/.test(whole)) return whole;
  // In thousands, or as in India in hundreds above a thousand; always with the same sign.
  const isGrouped = /^[1-9][0-9]{0,2}([.,g])[0-9]{3}(\1[0-9]{3})*$|^[1-9][0-9]?([.,g])([0-9]{2}\3)*[0-9]{3}$/.test(whole);
  return isGrouped ? whole.replace(/[.,g]/g, '') : null;
}

/** The index of the decimal sign: -1 if there is none, null if the text is ambiguous. */
function decimalSignAt(text: string, format: Format, decimals: number): number | null {
  if (text.includes(DECIMAL)) return text.indexOf(DECIMAL);
  const last = Math.max(text.lastIndexOf('.'), text.lastIndexOf(','));
  if (last < 0) return -1;
  const sign = text.charAt(last);
  if (text.indexOf(sign) < last) return -1;
  if (!/^[1-9][0-9]{0,2}[.,][0-9]{3}$/.test(text)) return last;
  if (sign === format.decimal) return last;
  return format.groups.includes(sign) && decimals < 3 ? -1 : null;
}

function refusal(fault: string): ReadAmount {
  return { amount: null, fault };
}

/** Parses a typed or pasted amount, by the browser's locale unless another is given. */
export function readAmount(typed: string, currency: string, locale?: string): ReadAmount {
  const decimals = currencyDecimals(currency);
  const format = formatOf(currency, locale);
  const example = (amount: string) => amountToTyped(amount, currency, locale);
  let text = tidy(typed);
  if (text === '') return { amount: null, fault: null };
  const pure = withoutCurrency(text.replace(PLUS, '').trim(), currency, locale).trim().replace(PLUS, '');
  if (MINUS.test(pure)) return refusal('Enter the amount without a minus sign.');
  text = inPlainSigns(withoutCurrency(pure, currency, locale).trim(), format);

  const at = decimalSignAt(text, format, decimals);
  if (at === null) {
    const whole = example(text.replace(/[.,]/, '') + (decimals > 0 ? `.${'0'.repeat(decimals)}` : ''));
    if (decimals >= 3) return refusal(`This amount is ambiguous. Enter ${whole} or ${example(text.replace(',', '.'))}.`);
    return refusal(`This amount is ambiguous. Enter it without a thousands separator, such as ${whole}.`);
  }
  const whole = ungrouped(at < 0 ? text : text.slice(0, at));
  const fraction = at < 0 ? '' : text.slice(at + 1);
  if (whole === null || !/^[0-9]*$/.test(fraction) || (whole === '' && fraction === '')) {
    return refusal(`That is not an amount. Enter one such as ${example('20')}${decimals > 0 ? ` or ${example(`12.5${'0'.repeat(decimals - 1)}`)}` : ''}.`);
  }
  if (fraction.length > decimals) {
    if (decimals === 0) return refusal(`${currency} has no decimal places. Enter a whole number without separators.`);
    return refusal(`${currency} has ${String(decimals)} decimal places. Enter no more, such as ${example(`12.5${'0'.repeat(decimals - 1)}`)}.`);
  }
  const digits = whole.replace(/^0+(?=[0-9])/, '') || '0';
  return { amount: decimals === 0 ? digits : `${digits}.${fraction.padEnd(decimals, '0')}`, fault: null };
}

/** An exact amount as a user would type it: "12,50" in Germany, "١٢٫٥٠" in Egypt. */
export function amountToTyped(amount: string, currency: string, locale?: string): string {
  const { decimal, digits } = formatOf(currency, locale);
  const own = new Map([...digits].map(([digit, value]) => [value, digit] as const)).set('.', decimal);
  return [...amount].map((sign) => own.get(sign) ?? sign).join('');
}

/** Whether the text has only digits and separators, without a currency or invisible characters. */
export function isPlain(typed: string): boolean {
  return !/[^\p{Nd}.,'’\u066b\u066c\s]/u.test(typed);
}
