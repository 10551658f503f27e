import { describe, expect, test } from 'vitest';
import { currencyDecimals, formatMoney } from '@/lib/money';
import { amountToTyped, isPlain, readAmount } from '@/lib/typed-amount';

const LOCALES = [
  'en-US', 'en-GB', 'en-IN', 'en-ZA', 'en-CA', 'de-DE', 'de-AT', 'de-CH', 'fr-FR', 'fr-CA', 'fr-CH', 'it-IT', 'es-ES',
  'es-MX', 'es-CL', 'pt-BR', 'pt-PT', 'pt-CV', 'nl-NL', 'sv-SE', 'nb-NO', 'da-DK', 'fi-FI', 'pl-PL', 'cs-CZ', 'hu-HU',
  'bg-BG', 'ro-RO', 'ru-RU', 'uk-UA', 'el-GR', 'tr-TR', 'he-IL', 'ar-EG', 'ar-SA', 'ar-AE', 'ar-MA', 'fa-IR', 'ckb-IQ',
  'ps-AF', 'ur-PK', 'hi-IN', 'mr-IN', 'bn-BD', 'ne-NP', 'my-MM', 'dz-BT', 'ta-IN', 'th-TH-u-nu-thai', 'vi-VN', 'id-ID',
  'ja-JP', 'ja-JP-u-nu-fullwide', 'ko-KR', 'zh-CN', 'zh-TW-u-nu-hanidec', 'ka-GE', 'hy-AM', 'sw-KE', 'gsw-CH',
];
const CURRENCIES = ['USD', 'JPY', 'XOF', 'KWD', 'IQD', 'CLF', 'HUF', 'CHF', 'AED', 'CVE', 'CAD'];

function amountsOf(currency: string): string[] {
  const decimals = currencyDecimals(currency);
  // A small generator of its own, so that each run tries the same.
  let state = 20;
  const random = (below: number) => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return Math.floor((state / 2147483648) * below);
  };
  const digits = (count: number) => Array.from({ length: count }, () => String(random(10))).join('');
  const wholes = ['0', '1', '12', '123', '1000', '1234', '100000', '1234567', '90071992547409931234'];
  for (let count = 2; count <= 8; count += 2) wholes.push(`${String(1 + random(9))}${digits(count - 1)}`);
  return wholes.flatMap((whole) =>
    decimals === 0 ? [whole] : ['0'.repeat(decimals), '5'.padEnd(decimals, '0'), digits(decimals)].map((fraction) => `${whole}.${fraction}`),
  );
}

describe('what the wallet displays can be pasted back', () => {
  test.each(LOCALES)('in %s it is the same amount', (locale) => {
    // One assertion for all: a hundred thousand take three seconds.
    const wrong: unknown[] = [];
    for (const currency of CURRENCIES) {
      for (const amount of amountsOf(currency)) {
        for (const text of [
          formatMoney({ amount, currency }, { locale }),
          formatMoney({ amount, currency }, { locale, sign: 'incoming' }),
          ` \u2068${formatMoney({ amount, currency }, { locale })}\u2069\u00a0`,
          amountToTyped(amount, currency, locale),
        ]) {
          const read = readAmount(text, currency, locale);
          if (read.amount !== amount || read.fault !== null) wrong.push({ text, currency, amount, read });
        }
        const outgoing = formatMoney({ amount, currency }, { locale, sign: 'outgoing' });
        const read = readAmount(outgoing, currency, locale);
        if (read.amount !== null || read.fault !== 'Enter the amount without a minus sign.') wrong.push({ outgoing, currency, read });
      }
    }
    expect(wrong).toEqual([]);
  });

  test.each(LOCALES)('text of %s is the same amount or refused in every other locale', (displayed) => {
    for (const currency of ['USD', 'JPY', 'KWD', 'CLF']) {
      for (const amount of amountsOf(currency)) {
        if (amount.length > 12) continue;
        const text = formatMoney({ amount, currency }, { locale: displayed });
        for (const locale of LOCALES) {
          const read = readAmount(text, currency, locale);
          if (read.fault === null && read.amount !== amount) throw new Error(`${text} (${displayed}) in ${locale}: ${String(read.amount)}`);
        }
      }
    }
  });
});

describe('what people type', () => {
  test.each([
    ['12.5', 'en-US', '12.50'],
    ['12', 'en-US', '12.00'],
    ['.5', 'en-US', '0.50'],
    ['5.', 'en-US', '5.00'],
    ['007', 'en-US', '7.00'],
    ['$1,234.56', 'en-US', '1234.56'],
    ['1,234', 'en-US', '1234.00'],
    ['12,5', 'en-US', '12.50'],
    ['0,50', 'en-US', '0.50'],
    ['1.234.567', 'en-US', '1234567.00'],
    ['1.234,5', 'en-US', '1234.50'],
    ['$12.34 USD', 'en-US', '12.34'],
    ['usd 12', 'en-US', '12.00'],
    ['US$12', 'en-US', '12.00'],
    ['+12', 'en-US', '12.00'],
    ['12,50', 'de-DE', '12.50'],
    ['1.234,50', 'de-DE', '1234.50'],
    ['12.50', 'de-DE', '12.50'],
    ['1.234', 'de-DE', '1234.00'],
    ['1 234,50', 'fr-FR', '1234.50'],
    ['1\u202f234,50\u00a0$US', 'fr-FR', '1234.50'],
    ['1\u2009234', 'en-US', '1234.00'],
    ['1.234,50', 'fr-FR', '1234.50'],
    ['1’234.50', 'de-CH', '1234.50'],
    ["1'234.50", 'en-US', '1234.50'],
    ['12,34,567.8', 'en-IN', '1234567.80'],
    ['12,34,567.8', 'en-US', '1234567.80'],
    ['١٢٫٥', 'ar-EG', '12.50'],
    ['\u200f١٬٢٣٤٫٥٠\u00a0US$', 'en-US', '1234.50'],
    ['१२.५०', 'hi-IN', '12.50'],
    ['１２．５', 'ja-JP', '12.50'],
    ['＄１，２３４．５０', 'ja-JP', '1234.50'],
    ['１２。５', 'ja-JP', '12.50'],
    ['90071992547409931234.57', 'en-US', '90071992547409931234.57'],
  ])('%j in %s is %s', (typed, locale, amount) => {
    expect(readAmount(typed, 'USD', locale)).toEqual({ amount, fault: null });
  });

  test.each(['', ' ', '\u200b'])('%j is no amount and no fault', (typed) => {
    expect(readAmount(typed, 'USD', 'en-US')).toEqual({ amount: null, fault: null });
  });

  test.each(['.', '1e5', '1.2.3', 'NaN', 'ten', '12,345,6', '1,23,4.5', '0x10', '12 50', '1 234 5', '12²', '½', '(12)', '€12', 'CA$12', '1d5', '1g234', '1,234 567', '12/5'])(
    '%j is refused with an example',
    (typed) => {
      expect(readAmount(typed, 'USD', 'en-US')).toEqual({
        amount: null,
        fault: 'That is not an amount. Enter one such as 20 or 12.50.',
      });
    },
  );

  test.each(['-5', '\u22125', '–5', '$-5', '-$5', '5-', '\u200e-5', '－５', '12.–'])('the minus sign of %j is refused', (typed) => {
    expect(readAmount(typed, 'USD', 'en-US').fault).toBe('Enter the amount without a minus sign.');
  });

  test.each([
    ['12.345', 'USD', 'en-US', 'USD has 2 decimal places. Enter no more, such as 12.50.'],
    ['1.234', 'USD', 'en-US', 'USD has 2 decimal places. Enter no more, such as 12.50.'],
    ['1,234', 'USD', 'de-DE', 'USD has 2 decimal places. Enter no more, such as 12,50.'],
    ['0,123', 'USD', 'en-US', 'USD has 2 decimal places. Enter no more, such as 12.50.'],
    ['12.5', 'JPY', 'ja-JP', 'JPY has no decimal places. Enter a whole number without separators.'],
    ['1.234', 'JPY', 'en-US', 'JPY has no decimal places. Enter a whole number without separators.'],
  ])('more decimals than there are: %s %s in %s', (typed, currency, locale, fault) => {
    expect(readAmount(typed, currency, locale)).toEqual({ amount: null, fault });
  });

  test.each([
    ['1,234', 'KWD', 'en-US', 'This amount is ambiguous. Enter 1234.000 or 1.234.'],
    ['1.234', 'KWD', 'de-DE', 'This amount is ambiguous. Enter 1234,000 or 1,234.'],
    ['1,234', 'UYW', 'en-US', 'This amount is ambiguous. Enter 1234.0000 or 1.234.'],
    ['1.234', 'USD', 'fr-FR', 'This amount is ambiguous. Enter it without a thousands separator, such as 1234,00.'],
    ['1,234', 'JPY', 'de-CH', 'This amount is ambiguous. Enter it without a thousands separator, such as 1234.'],
    ['1.234', 'USD', 'fa-IR', 'This amount is ambiguous. Enter it without a thousands separator, such as ۱۲۳۴٫۰۰.'],
  ])('what could be either is refused: %s %s in %s', (typed, currency, locale, fault) => {
    expect(readAmount(typed, currency, locale)).toEqual({ amount: null, fault });
  });

  test.each([
    ['12.50', 'en-US', '12.50'],
    ['12.50', 'de-DE', '12,50'],
    ['12.50', 'ar-EG', '١٢٫٥٠'],
    ['12.50', 'mr-IN', '१२.५०'],
  ])('%s is typed in %s as %s', (amount, locale, typed) => {
    expect(amountToTyped(amount, 'USD', locale)).toBe(typed);
    expect(isPlain(typed)).toBe(true);
  });

  test.each(['$12', '12 USD', '\u200e12', '+12'])('%j is more than an amount', (typed) => {
    expect(isPlain(typed)).toBe(false);
  });

  test('a single separator that can only be one thing is that', () => {
    expect(readAmount('1.234', 'KWD', 'en-US').amount).toBe('1.234');
    expect(readAmount('0,123', 'KWD', 'en-US').amount).toBe('0.123');
    expect(readAmount('1234,567', 'KWD', 'en-US').amount).toBe('1234.567');
    expect(readAmount('1,234,567', 'KWD', 'en-US').amount).toBe('1234567.000');
  });

  test('a sign that this locale gives to another currency is refused', () => {
    expect(readAmount('$12', 'USD', 'en-CA').amount).toBeNull();
    expect(readAmount('$12', 'CAD', 'en-US').amount).toBeNull();
    expect(readAmount('$12', 'CAD', 'en-CA').amount).toBe('12.00');
    expect(readAmount('US$12', 'USD', 'en-CA').amount).toBe('12.00');
    expect(readAmount('¥12', 'JPY', 'zh-CN').amount).toBeNull();
  });
});
