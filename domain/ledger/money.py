"""Money: integer minor units of one currency, limits and fees."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from domain.values import value

MAXIMUM_LIMIT_MINOR = 10**15
_MAXIMUM_DIGITS = 30
_TENS = [int("1" + "0" * power) for power in range(_MAXIMUM_DIGITS + 5)]

# The active ISO 4217 codes; each has two decimals except those named below.
_CODES = frozenset(
    """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD
    CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP
    GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR
    KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN
    MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD
    SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX
    USD USN UYI UYU UYW UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
    """.split()
)
_DECIMALS = {
    **dict.fromkeys(
        "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0
    ),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
    **dict.fromkeys("CLF UYW".split(), 4),
}


@dataclass(frozen=True, slots=True)
class Currency:
    """An ISO 4217 currency: its code and its number of decimals (the standard's minor unit)."""

    code: str
    decimals: int


def currency(code: str) -> Currency:
    """The currency with that ISO 4217 code. Raises ValueError for an unknown one."""
    if code not in _CODES:
        raise ValueError(f"{code!r} is not an ISO 4217 currency code such as USD")
    return Currency(code, _DECIMALS.get(code, 2))


@value
class Money:
    """An amount in minor units (cents for USD) of a currency."""

    amount_minor: int
    currency: Currency

    @property
    def amount(self) -> Decimal:
        """The amount in whole units, with exactly the currency's number of decimals."""
        return whole_units(self.amount_minor, self.currency)

    def __str__(self) -> str:
        return f"{self.amount:f} {self.currency.code}"


def whole_units(amount_minor: int, of_currency: Currency) -> Decimal:
    """An amount in minor units as whole units, with exactly the currency's number of decimals."""
    return Decimal(amount_minor).scaleb(-of_currency.decimals)


def minor_units(amount: Decimal, in_currency: Currency) -> int | None:
    """The amount in minor units, exactly; None if it has more decimals than the currency.

    Amounts are never rounded; zeros at the end do not count as decimals. One of more than 30 digits is
    returned as a number of 30 digits with the same sign, which exceeds every limit.
    """
    sign, digits, exponent = amount.as_tuple()
    if not isinstance(exponent, int):
        return None
    surplus = -exponent - in_currency.decimals
    if surplus > 0:
        if any(digits[-surplus:]):
            return None
        digits, exponent = digits[:-surplus] or (0,), -in_currency.decimals
    if len(digits) + max(exponent, 0) > _MAXIMUM_DIGITS:
        magnitude = _TENS[_MAXIMUM_DIGITS]
    else:
        magnitude = int("".join(map(str, digits))) * _TENS[in_currency.decimals + exponent]
    return -magnitude if sign else magnitude


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits and the fee of this service, in minor units of its currency."""

    currency: Currency
    maximum_transfer_minor: int
    maximum_top_up_minor: int
    maximum_balance_minor: int
    fee_basis_points: int = 0
    minimum_minor: int = 1

    def money(self, amount_minor: int) -> Money:
        """An amount in minor units of this service's currency."""
        return Money(amount_minor, self.currency)

    def fee_minor(self, amount_minor: int) -> int:
        """The fee of a transfer: basis points of the amount, rounded up to the next minor unit."""
        return -(-amount_minor * self.fee_basis_points // 10_000)

    def maximum_sendable_minor(self, balance_minor: int) -> int:
        """The largest amount that, with its fee, fits the balance and the limits; 0 if none does.

        `a + ceil(a * b / 10000) <= balance` holds for whole numbers exactly when
        `a * (10000 + b) <= balance * 10000`.
        """
        largest = balance_minor * 10_000 // (10_000 + self.fee_basis_points)
        largest = min(largest, self.maximum_transfer_minor)
        return largest if largest >= self.minimum_minor else 0


def setting_minor(name: str, text: str, of: Currency, *, minimum_minor: int = 1) -> int:
    """The amount of a setting, given in whole units of the currency, in minor units.

    Raises ValueError, with a sentence that names the setting, unless it is an amount of this currency of at
    most 10^15 minor units.
    """
    whole, point, fraction = text.partition(".")
    if not (text.isascii() and whole.isdigit() and (fraction.isdigit() or not point)):
        raise ValueError(f"{name} is wrong: {text!r} is not an amount such as 10000.")
    minor = minor_units(Decimal(text), of)
    if minor is None or not minimum_minor <= minor <= MAXIMUM_LIMIT_MINOR:
        least = "above zero " if minimum_minor else ""
        raise ValueError(
            f"{name} is wrong: it takes an amount {least}with at most {of.decimals} decimals, "
            f"up to {Money(MAXIMUM_LIMIT_MINOR, of)}."
        )
    return minor


def limits(
    code: str,
    *,
    maximum_transfer: str,
    maximum_top_up: str,
    maximum_balance: str,
    fee_basis_points: int = 0,
) -> Limits:
    """The limits from their settings, given in whole units of the currency ("10000").

    Raises ValueError, with a sentence that names the setting, unless each is a positive amount of this
    currency of at most 10^15 minor units.
    """
    try:
        of = currency(code)
    except ValueError as error:
        raise ValueError(f"WALLET_CURRENCY is wrong: {error}.") from None

    return Limits(
        currency=of,
        maximum_transfer_minor=setting_minor("MAX_TRANSFER", maximum_transfer, of),
        maximum_top_up_minor=setting_minor("MAX_TOP_UP", maximum_top_up, of),
        maximum_balance_minor=setting_minor("MAX_BALANCE", maximum_balance, of),
        fee_basis_points=fee_basis_points,
    )
