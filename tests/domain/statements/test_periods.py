"""Days, months and periods begin where clocks say so, in every time zone."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import errors
from domain.statements import periods
from domain.statements.periods import Period, day_start

ZONES = sorted(zoneinfo.available_timezones())
#: Zones in which midnight was skipped, occurred twice or a whole day is missing.
ODD = [
    "America/Sao_Paulo",
    "America/Havana",
    "America/Asuncion",
    "Asia/Beirut",
    "Africa/Cairo",
    "America/St_Johns",
    "Pacific/Apia",
    "Asia/Amman",
    "Atlantic/Azores",
    "America/Scoresbysund",
]
days = st.dates(date(2000, 1, 1), date(2037, 12, 31))
zones = st.sampled_from(ZONES) | st.sampled_from(ODD)
NOW = datetime(2026, 11, 28, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "day", "start"),
    [
        ("UTC", date(2026, 11, 28), "2026-11-28T00:00:00+00:00"),
        ("Europe/Berlin", date(2026, 3, 29), "2026-03-28T23:00:00+00:00"),
        ("Europe/Berlin", date(2026, 3, 30), "2026-03-29T22:00:00+00:00"),
        # Clocks were set forward at midnight: the day began at 01:00.
        ("America/Sao_Paulo", date(2018, 11, 4), "2018-11-04T03:00:00+00:00"),
        # Clocks were set back at 01:00: midnight occurred twice, and the day began with the first.
        ("America/Havana", date(2025, 11, 2), "2025-11-02T04:00:00+00:00"),
        # Clocks were set back at midnight to 23:00: the day began when that hour had passed again.
        ("America/Sao_Paulo", date(2018, 2, 18), "2018-02-18T03:00:00+00:00"),
        # The day that Samoa skipped, and the day after it.
        ("Pacific/Apia", date(2011, 12, 30), "2011-12-30T10:00:00+00:00"),
        ("Pacific/Apia", date(2011, 12, 31), "2011-12-30T10:00:00+00:00"),
        # Clocks were set forward at 23:30, to 00:30 of the next day.
        ("America/Toronto", date(1919, 3, 31), "1919-03-31T04:30:00+00:00"),
    ],
)
def test_a_day_begins_at_its_first_instant(zone: str, day: date, start: str) -> None:
    assert day_start(day, ZoneInfo(zone)) == datetime.fromisoformat(start)


@given(zones, days)
def test_no_day_begins_before_its_midnight_or_the_end_of_a_gap(zone: str, day: date) -> None:
    clock = ZoneInfo(zone)
    start = day_start(day, clock)
    assert start.astimezone(clock).date() >= day
    assert (start - timedelta(seconds=1)).astimezone(clock).date() < day


@given(
    zones,
    days,
    st.integers(0, 400),
    st.integers(0, 400),
    st.lists(st.tuples(st.integers(-3, 810), st.integers(-7_200, 7_200)), max_size=30),
)
def test_adjacent_periods_neither_overlap_nor_leave_a_gap_and_their_balances_match(
    zone: str, first_day: date, before: int, after: int, posted: list[tuple[int, int]]
) -> None:
    middle = first_day + timedelta(days=before)
    last_day = middle + timedelta(days=1 + after)
    earlier = Period(first_day, middle, zone)
    later = Period(middle + timedelta(days=1), last_day, zone)
    assert earlier.end == later.start
    # Entries close to the beginnings of days, each of which changes the balance by another amount.
    instants = sorted(
        day_start(first_day + timedelta(days=days), ZoneInfo(zone)) + timedelta(seconds=seconds)
        for days, seconds in posted
    )
    ledger = [(instant, 2**number) for number, instant in enumerate(instants)]

    def balance(until: datetime) -> int:
        return sum(amount for instant, amount in ledger if instant < until)

    def within(period: Period) -> list[int]:
        return [amount for instant, amount in ledger if period.start <= instant < period.end]

    both = Period(first_day, last_day, zone)
    assert within(earlier) + within(later) == within(both)
    assert balance(earlier.start) + sum(within(earlier)) == balance(later.start)
    assert balance(later.start) + sum(within(later)) == balance(later.end)


@given(zones, days, st.integers(0, 1_500), st.integers(1, 120))
def test_months_and_days_divide_a_period(
    zone: str, first_day: date, length: int, most: int
) -> None:
    period = Period(first_day, first_day + timedelta(days=length), zone)
    months = period.months()
    assert (months[0].start, months[-1].end) == (period.start, period.end)
    assert all(one.end == other.start for one, other in pairwise(months))
    assert len({(month.first_day.year, month.first_day.month) for month in months}) == len(months)
    found = period.days(most)
    assert 1 <= len(found) <= most
    assert found == sorted(set(found))
    assert found[0] >= first_day
    assert found[-1] == period.last_day


@pytest.mark.parametrize(
    ("first_day", "last_day", "field"),
    [
        (date(2026, 2, 1), date(2026, 1, 31), "from"),
        (date(2026, 11, 1), date(2026, 11, 30), "to"),
        (date(1999, 12, 31), date(2000, 1, 1), "from"),
        (date(2016, 1, 1), date(2026, 1, 1), "from"),
        (date(1, 1, 1), date(9999, 12, 31), "to"),
    ],
)
def test_a_period_is_in_order_in_the_past_and_at_most_ten_years(
    first_day: date, last_day: date, field: str
) -> None:
    with pytest.raises(errors.InvalidInput) as refused:
        periods.period(first_day, last_day, "UTC", NOW)
    assert refused.value.fields[0].path == (field,)


def test_today_is_that_of_the_time_zone() -> None:
    today = date(2026, 11, 29)
    assert periods.period(today, today, "Europe/Berlin", NOW).last_day == today
    assert periods.period(date(2016, 1, 1), date(2025, 12, 31), "UTC", NOW)
    assert periods.period(date(2016, 2, 29), date(2026, 2, 27), "UTC", NOW)
    with pytest.raises(errors.InvalidInput):
        periods.period(today, today, "America/New_York", NOW)
