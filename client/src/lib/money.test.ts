import { describe, expect, test } from 'vitest';
import { compareMoney, currencyDecimals, formatMoney, isZero } from '@/lib/money';

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
    expect(['USD', 'JPY', 'KWD', 'UYW'].map(currencyDecimals)).toEqual([2, 0, 3, 4]);
  });

  test('no decimals are left out that a locale does not show', () => {
    expect(formatMoney({ amount: '12.34', currency: 'HUF' }, { locale: 'en-US' })).toBe('HUF\u00a012.34');
    expect(formatMoney({ amount: '0.345', currency: 'IQD' }, { locale: 'en-US' })).toBe('IQD\u00a00.345');
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
