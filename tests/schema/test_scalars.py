"""Decimals are exact, instants say their offset and dates exist; all else is refused with a sentence."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from graphql import (
    BooleanValueNode,
    FloatValueNode,
    GraphQLError,
    IntValueNode,
    NullValueNode,
    StringValueNode,
)

from schema import scalars


@pytest.mark.parametrize(
    ("given", "number"),
    [
        ("12.50", "12.50"),
        ("0", "0"),
        ("-5", "-5"),
        ("+5", "5"),
        ("007", "7"),
        (".5", "0.5"),
        ("5.", "5"),
        ("9" * 100, "9" * 100),
        (12, "12"),
        (-3, "-3"),
    ],
)
def test_plain_digits_are_a_decimal(given: object, number: str) -> None:
    assert scalars.parse_decimal(given) == Decimal(number)


@pytest.mark.parametrize(
    "given",
    [
        "", " ", "1e5", "1E5", "NaN", "nan", "Infinity", "-inf", "sNaN", "1,000", "1_000", " 1", "1 ",
        "1\n", "\x001", "١٢", "１２", "Ⅻ", "0x10", "--1", "+-1", ".", "-", "1.2.3", "12.50 USD", "$5", "½",
        True, False, None, [], {}, ["1"], b"1",
    ],
)  # fmt: skip
def test_what_is_not_plain_digits_is_no_decimal(given: object) -> None:
    with pytest.raises(GraphQLError, match="plain digits"):
        scalars.parse_decimal(given)


@pytest.mark.parametrize("given", [1.5, 1.0, float("nan"), float("inf"), 1e300])
def test_a_float_is_refused_with_a_sentence_that_points_at_the_quotes(given: float) -> None:
    with pytest.raises(GraphQLError, match=r'put it in quotes, such as "12\.50"'):
        scalars.parse_decimal(given)


def test_a_float_literal_is_refused_with_the_same_sentence() -> None:
    for text in ("1.5", "1e5", "1.0"):
        with pytest.raises(GraphQLError, match="put it in quotes"):
            scalars.parse_decimal_literal(FloatValueNode(value=text))


def test_integers_and_strings_are_decimal_literals() -> None:
    assert scalars.parse_decimal_literal(IntValueNode(value="12")) == 12
    assert scalars.parse_decimal_literal(StringValueNode(value="12.5")) == Decimal("12.5")


@pytest.mark.parametrize(
    "node", [BooleanValueNode(value=True), NullValueNode(), StringValueNode(value="1e5")]
)
def test_other_literals_are_no_decimals(node: object) -> None:
    with pytest.raises(GraphQLError, match="plain digits"):
        scalars.parse_decimal_literal(node)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("number", "text"),
    [("12.50", "12.50"), ("1E+3", "1000"), ("0.00", "0.00"), ("1E-3", "0.001")],
)
def test_a_decimal_is_shown_in_plain_digits(number: str, text: str) -> None:
    assert scalars.serialise_decimal(Decimal(number)) == text


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-22T08:30:00.123456Z", datetime(2026, 11, 22, 8, 30, 0, 123456, tzinfo=UTC)),
        ("2026-11-22T08:30:00Z", datetime(2026, 11, 22, 8, 30, tzinfo=UTC)),
        ("2026-11-22t08:30:00z", datetime(2026, 11, 22, 8, 30, tzinfo=UTC)),
        ("2026-11-22T08:30:00+05:30", datetime(2026, 11, 22, 3, 0, tzinfo=UTC)),
        ("2026-11-22T08:30:00.5-01:00", datetime(2026, 11, 22, 9, 30, 0, 500000, tzinfo=UTC)),
        ("2026-11-22T08:30:00.123456789Z", datetime(2026, 11, 22, 8, 30, 0, 123456, tzinfo=UTC)),
    ],
)
def test_rfc_3339_with_an_offset_is_an_instant_in_utc(text: str, instant: datetime) -> None:
    parsed = scalars.parse_instant(text)
    assert parsed == instant
    assert parsed.tzinfo is UTC
    assert scalars.parse_instant_literal(StringValueNode(value=text)) == instant


@pytest.mark.parametrize(
    "given",
    [
        "2026-11-22T08:30:00", "2026-11-22", "2026-11-22 08:30:00Z", "2026-W47-7T08:30:00Z",
        "20261122T083000Z", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-11-22T24:30:00Z",
        "2026-11-22T23:59:60Z", "2026-11-22T08:30:00+25:00", "0001-01-01T00:00:00+10:00",
        "9999-12-31T23:59:59-10:00", "0000-01-01T00:00:00Z", "٢٠٢٦-11-22T08:30:00Z", "now", "",
        "2026-11-22T08:30:00Z\n", 0, 1795336200, 1.5, True, None, [],
    ],
)  # fmt: skip
def test_what_is_no_rfc_3339_instant_is_refused(given: object) -> None:
    with pytest.raises(GraphQLError, match="RFC 3339"):
        scalars.parse_instant(given)


def test_a_number_is_no_instant_literal() -> None:
    with pytest.raises(GraphQLError, match="RFC 3339"):
        scalars.parse_instant_literal(IntValueNode(value="1795336200"))


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-11-30", date(2026, 11, 30)),
        ("2024-02-29", date(2024, 2, 29)),
        ("0001-01-01", date(1, 1, 1)),
        ("9999-12-31", date(9999, 12, 31)),
    ],
)
def test_year_month_and_day_are_a_date(text: str, day: date) -> None:
    assert scalars.parse_date(text) == day
    assert scalars.parse_date_literal(StringValueNode(value=text)) == day


@pytest.mark.parametrize(
    "given",
    [
        "2026-02-29", "2026-13-01", "2026-00-10", "2026-11-31", "0000-01-01", "2026-11-3", "26-11-30",
        "20261130", "2026-W48-1", "2026-334", "2026-11-30T00:00:00Z", "2026/11/30", "30.11.2026",
        "+2026-11-30", "-2026-11-30", "٢٠٢٦-11-30", "２０２６-11-30", " 2026-11-30", "2026-11-30\n", "",
        "today", 20261130, 0, 1.5, True, None, [], {}, date(2026, 11, 30),
    ],
)  # fmt: skip
def test_what_is_no_existing_date_is_refused(given: object) -> None:
    with pytest.raises(GraphQLError, match="year, month and day"):
        scalars.parse_date(given)


def test_a_number_is_no_date_literal() -> None:
    with pytest.raises(GraphQLError, match="year, month and day"):
        scalars.parse_date_literal(IntValueNode(value="20261130"))


def test_what_is_no_number_is_not_written_as_a_decimal() -> None:
    nothing: Any = object()
    with pytest.raises(TypeError):
        scalars.serialise_decimal(nothing)
