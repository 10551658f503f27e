"""Money is whole minor units, exact in every currency."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ledger import money
from tests.domain import worlds


@pytest.mark.parametrize(
    ("code", "decimals"),
    [
        ("USD", 2),
        ("EUR", 2),
        ("JPY", 0),
        ("KRW", 0),
        ("KWD", 3),
        ("BHD", 3),
        ("CLF", 4),
        ("HUF", 2),
    ],
)
def test_decimals_are_those_of_iso_4217(code: str, decimals: int) -> None:
    assert money.currency(code).decimals == decimals


@pytest.mark.parametrize("code", ["", "usd", "US", "USDT", "BTC", "DEM", "U\u0405D"])
def test_another_code_is_refused_by_name(code: str) -> None:
    with pytest.raises(ValueError, match="ISO 4217"):
        money.currency(code)


@pytest.mark.parametrize(
    ("code", "amount", "minor"),
    [
        ("USD", "12.34", 1_234),
        ("USD", "12.3", 1_230),
        ("USD", "12", 1_200),
        ("USD", "-12.34", -1_234),
        ("USD", "000012.34", 1_234),
        ("USD", "-0", 0),
        ("USD", "12.340", 1_234),
        ("USD", "-12.34000", -1_234),
        ("USD", "0.000", 0),
        ("USD", "0.001", None),
        ("USD", "12.3401", None),
        ("JPY", "1250", 1_250),
        ("JPY", "1250.0", 1_250),
        ("JPY", "1250.10", None),
        ("KWD", "1.234", 1_234),
        ("USD", "9" * 60 + ".000", 10**30),
        ("KWD", "1.2345", None),
        ("USD", "9" * 60, 10**30),
        ("USD", "-" + "9" * 60, -(10**30)),
        ("USD", "1E+500000", 10**30),
        ("USD", "NaN", None),
        ("USD", "Infinity", None),
    ],
)
def test_an_amount_is_exact_or_none(code: str, amount: str, minor: int | None) -> None:
    assert money.minor_units(Decimal(amount), money.currency(code)) == minor


@given(st.integers(-(10**15), 10**15), worlds.currencies)
def test_an_amount_survives_being_shown_and_read(minor: int, currency: money.Currency) -> None:
    shown = f"{money.Money(minor, currency).amount:f}"
    assert money.minor_units(Decimal(shown), currency) == minor
    _, point, fraction = shown.partition(".")
    assert len(fraction) == currency.decimals
    assert bool(point) == bool(currency.decimals)


@pytest.mark.parametrize(
    ("code", "minor", "shown"),
    [("USD", 1_250, "12.50 USD"), ("JPY", 1_250, "1250 JPY"), ("KWD", 5, "0.005 KWD")],
)
def test_money_is_shown_with_the_currencys_own_decimals(code: str, minor: int, shown: str) -> None:
    assert str(money.Money(minor, money.currency(code))) == shown


@given(st.integers(1, 10**15), st.integers(0, 10_000))
def test_a_fee_is_the_exact_share_rounded_up(amount_minor: int, basis_points: int) -> None:
    fee_minor = worlds.limits_of(basis_points=basis_points).fee_minor(amount_minor)
    exact = Decimal(amount_minor) * basis_points / 10_000
    assert exact <= fee_minor < exact + 1


@given(st.integers(0, 10**15), st.integers(0, 10_000))
def test_the_maximum_sendable_is_the_largest_that_fits(balance_minor: int, points: int) -> None:
    limits = worlds.limits_of(basis_points=points)
    largest = limits.maximum_sendable_minor(balance_minor)
    assert largest + limits.fee_minor(largest) <= balance_minor
    more = largest + 1
    assert more > limits.maximum_transfer_minor or more + limits.fee_minor(more) > balance_minor


# ================================================================ the settings


def _limits(code: str = "USD", **changes: str) -> money.Limits:
    usual = {"maximum_transfer": "10000", "maximum_top_up": "500.5", "maximum_balance": "1000000"}
    return money.limits(code, **{**usual, **changes})  # type: ignore[arg-type]


def test_limits_are_given_in_whole_units() -> None:
    limits = _limits()
    assert limits.maximum_transfer_minor == 1_000_000
    assert limits.maximum_top_up_minor == 50_050
    assert limits.maximum_balance_minor == 100_000_000
    assert str(limits.money(1)) == "0.01 USD"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "0.00",
        "-1",
        "+1",
        "1e3",
        "1,000",
        "NaN",
        "10.",
        ".5",
        "0.001",
        "١٠٠",
        "1" * 17,
        " 1",
    ],
)
def test_a_wrong_limit_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="MAX_TRANSFER is wrong"):
        _limits(maximum_transfer=text)


def test_a_wrong_currency_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="WALLET_CURRENCY is wrong"):
        _limits("XXX")


def test_a_limit_must_be_exact_in_the_currency() -> None:
    with pytest.raises(ValueError, match="MAX_TOP_UP is wrong"):
        _limits("JPY")
