import { describe, expect, test } from 'vitest';
import { amountToTyped, compareMoney, currencyDecimals, formatMoney, isZero, typedToAmount } from '@/lib/money';

const usd = (amount: string) => ({ amount, currency: 'USD' });

describe('showing money', () => {
  test('it reads as the locale writes it', () => {
    expect(formatMoney(usd('1234.50'), { locale: 'en-US' })).toBe('$1,234.50');
    expect(formatMoney({ amount: '1234.50', currency: 'EUR' }, { locale: 'de-DE' })).toBe('1.234,50\u00a0€');
    expect(formatMoney({ amount: '1250', currency: 'JPY' }, { locale: 'ja-JP' })).toBe('￥1,250');
  });

  test('an amount beyond what a float holds keeps every digit', () => {
    expect(formatMoney(usd('90071992547409931234.57'), { locale: 'en-US' })).toBe('$90,071,992,547,409,931,234.57');
  });

  test('a sign tells which way it went', () => {
    expect(formatMoney(usd('12.34'), { sign: 'incoming', locale: 'en-US' })).toBe('+$12.34');
    expect(formatMoney(usd('12.34'), { sign: 'outgoing', locale: 'en-US' })).toBe('\u2212$12.34');
  });

  test('each currency has its own number of decimals', () => {
    expect(['USD', 'JPY', 'KWD'].map(currencyDecimals)).toEqual([2, 0, 3]);
  });
});

describe('reading an amount that was typed', () => {
  test.each([
    ['12.5', 'en-US', '12.50'],
    ['12', 'en-US', '12.00'],
    ['.5', 'en-US', '0.50'],
    ['5.', 'en-US', '5.00'],
    ['007', 'en-US', '7.00'],
    ['$1,234.56', 'en-US', '1234.56'],
    ['1,234', 'en-US', '1234.00'],
    ['12,5', 'en-US', '12.50'],
    ['12,50', 'de-DE', '12.50'],
    ['1.234,50', 'de-DE', '1234.50'],
    ['12.50', 'de-DE', '12.50'],
    ['1.234', 'de-DE', '1234.00'],
    ['1 234,50', 'fr-FR', '1234.50'],
    ['1’234.50', 'de-CH', '1234.50'],
    ['12,34,567.8', 'en-IN', '1234567.80'],
    ['١٢٫٥', 'ar-EG', '12.50'],
    ['90071992547409931234.57', 'en-US', '90071992547409931234.57'],
  ])('%s in %s is %s', (typed, locale, amount) => {
    expect(typedToAmount(typed, 'USD', locale)).toBe(amount);
  });

  test.each(['', ' ', '.', '-5', '1e5', '12.345', '1.2.3', 'NaN', 'ten', '12,345,6', '1,23,4.5', '0x10'])('%j is none', (typed) => {
    expect(typedToAmount(typed, 'USD', 'en-US')).toBeNull();
  });

  test('a currency without decimals takes none', () => {
    expect(typedToAmount('1250', 'JPY', 'ja-JP')).toBe('1250');
    expect(typedToAmount('12.5', 'JPY', 'ja-JP')).toBeNull();
  });

  test('with three decimals a group of thousands is never taken for a fraction', () => {
    expect(typedToAmount('1,234', 'KWD', 'en-US')).toBe('1234.000');
    expect(typedToAmount('1.234', 'KWD', 'en-US')).toBe('1.234');
  });

  test('what is shown for editing reads back as the same amount', () => {
    for (const locale of ['en-US', 'de-DE', 'fr-FR']) {
      expect(typedToAmount(amountToTyped('1234.50', locale), 'USD', locale)).toBe('1234.50');
    }
  });
});

describe('comparing', () => {
  test('it is exact', () => {
    expect(compareMoney(usd('90071992547409931234.57'), usd('90071992547409931234.58'))).toBe(-1);
    expect(compareMoney(usd('1.00'), usd('1.00'))).toBe(0);
    expect(compareMoney(usd('2.00'), usd('1.99'))).toBe(1);
    expect([isZero(usd('0.00')), isZero(usd('0.01'))]).toEqual([true, false]);
  });
});
