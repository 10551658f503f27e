"""When runs are due: dates that never drift, and 08:00 whatever clocks do."""

from __future__ import annotations

import calendar
import itertools
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain import errors
from domain.schedules import recurrence
from domain.schedules.recurrence import Calendar, Recurrence, RecurrenceUnit

DAY, WEEK, MONTH, YEAR = RecurrenceUnit
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def _dates(starts_on: date, unit: RecurrenceUnit, interval: int, count: int) -> list[str]:
    every = Recurrence(unit, interval)
    found = [recurrence.run_date(starts_on, every, number) for number in range(1, count + 1)]
    return [str(day) for day in found]


def _in(zone: str, starts_on: date, recurring: Recurrence | None = None, **more: Any) -> Calendar:
    return Calendar(
        starts_on, recurring, more.get("ends_on"), zone, more.get("created_at", LONG_AGO)
    )


# ================================================================ dates


def test_months_and_years_keep_their_day_and_fall_back_to_the_last_one() -> None:
    assert _dates(date(2027, 1, 31), MONTH, 1, 5) == [
        "2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31",
    ]  # fmt: skip
    assert _dates(date(2027, 8, 31), MONTH, 6, 3) == ["2027-08-31", "2028-02-29", "2028-08-31"]
    assert _dates(date(2028, 2, 29), YEAR, 1, 5) == [
        "2028-02-29", "2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29",
    ]  # fmt: skip
    assert _dates(date(2027, 12, 30), WEEK, 2, 3) == ["2027-12-30", "2028-01-13", "2028-01-27"]


def _slowly(starts_on: date, every: Recurrence) -> Iterator[date]:
    """The dates of the runs, by walking over all days."""
    for days in itertools.count():
        day = starts_on + timedelta(days=days)
        if _is_due_on(day, starts_on, every, days):
            yield day


def _is_due_on(day: date, starts_on: date, every: Recurrence, days: int) -> bool:
    if every.unit is DAY:
        return days % every.interval == 0
    if every.unit is WEEK:
        return days % (7 * every.interval) == 0
    months = (day.year - starts_on.year) * 12 + day.month - starts_on.month
    if months % (every.interval if every.unit is MONTH else 12 * every.interval):
        return False
    last = calendar.monthrange(day.year, day.month)[1]
    return day.day == starts_on.day or (day.day == last and last < starts_on.day)


@given(
    starts_on=st.dates(date(1990, 1, 1), date(2200, 12, 31)),
    unit=st.sampled_from(RecurrenceUnit),
    interval=st.integers(1, 5),
    count=st.integers(1, 14),
)
def test_dates_are_those_of_a_walk_over_all_days(
    starts_on: date, unit: RecurrenceUnit, interval: int, count: int
) -> None:
    every = Recurrence(unit, interval)
    expected = itertools.islice(_slowly(starts_on, every), count)
    numbers = range(1, count + 1)
    assert [recurrence.run_date(starts_on, every, number) for number in numbers] == [*expected]


@given(
    starts_on=st.dates(date(2026, 1, 1)),
    unit=st.sampled_from(RecurrenceUnit),
    interval=st.integers(1, recurrence.MAXIMUM_INTERVAL),
    number=st.integers(1, 10**15),
)
def test_there_is_no_run_past_the_end_of_the_calendar_and_none_fails(
    starts_on: date, unit: RecurrenceUnit, interval: int, number: int
) -> None:
    every = Recurrence(unit, interval)
    day = recurrence.run_date(starts_on, every, number)
    following = recurrence.run_date(starts_on, every, number + 1)
    assert following is None if day is None else following is None or following > day


def test_the_end_is_inclusive_and_a_single_transfer_has_one_run() -> None:
    monthly = Recurrence(MONTH)
    ending = _in("UTC", date(2027, 1, 31), monthly, ends_on=date(2027, 3, 31))
    assert [str(ending.date_of(number)) for number in (1, 2, 3, 4)] == [
        "2027-01-31", "2027-02-28", "2027-03-31", "None",
    ]  # fmt: skip
    assert ending.due_at(4) is None
    assert _in("UTC", date(2027, 1, 31)).date_of(2) is None


@pytest.mark.parametrize("interval", [0, -1, recurrence.MAXIMUM_INTERVAL + 1])
def test_intervals_have_bounds(interval: int) -> None:
    recurrence.check(Recurrence(DAY, recurrence.MAXIMUM_INTERVAL))
    with pytest.raises(errors.InvalidInput) as refused:
        recurrence.check(Recurrence(DAY, interval))
    assert refused.value.fields[0].path == ("recurrence", "interval")


# ================================================================ times


def test_runs_are_due_at_eight_o_clock_in_summer_and_in_winter() -> None:
    daily = _in("Europe/Berlin", date(2027, 3, 27), Recurrence(DAY))
    assert [str(daily.due_at(number)) for number in (1, 2)] == [
        "2027-03-27 07:00:00+00:00", "2027-03-28 06:00:00+00:00",
    ]  # fmt: skip


def test_what_has_passed_on_the_day_of_creation_is_due_at_once() -> None:
    created_at = datetime(2027, 3, 27, 12, 30, tzinfo=UTC)
    late = _in("Europe/Berlin", date(2027, 3, 27), Recurrence(DAY), created_at=created_at)
    assert late.due_at(1) == created_at
    assert str(late.due_at(2)) == "2027-03-28 06:00:00+00:00"
    early = _in("Europe/Berlin", date(2027, 3, 27), created_at=created_at.replace(hour=2))
    assert str(early.due_at(1)) == "2027-03-27 07:00:00+00:00"


class _Changing(tzinfo):
    """A zone in which clocks change by an hour at 07:30 UTC on 28 March 2027."""

    def __init__(self, before_hours: int, after_hours: int) -> None:
        self._offsets = timedelta(hours=before_hours), timedelta(hours=after_hours)

    def utcoffset(self, local: datetime | None) -> timedelta:
        assert local is not None
        before, after = self._offsets
        change = datetime.combine(date(2027, 3, 28), time(7, 30))
        plain = local.replace(tzinfo=None, fold=0)
        if plain < change + min(before, after):
            return before
        if plain >= change + max(before, after):
            return after
        # In the gap and in the overlap.
        return self._offsets[local.fold]

    def dst(self, _local: datetime | None) -> None:
        return None

    def tzname(self, _local: datetime | None) -> str:
        return "changing"


def test_a_clock_change_over_eight_o_clock_moves_its_run_and_adds_none() -> None:
    the_day = date(2027, 3, 28)
    # 07:30 becomes 08:30: it is due at what would have been 08:00.
    assert str(recurrence.due_time(the_day, _Changing(0, 1))) == "2027-03-28 08:00:00+00:00"
    # 08:30 becomes 07:30: it is due at the first 08:00.
    assert str(recurrence.due_time(the_day, _Changing(1, 0))) == "2027-03-28 07:00:00+00:00"


def test_a_date_that_a_zone_skips_is_due_once() -> None:
    # Samoa moved across the date line: there was no 30 December 2011.
    daily = _in("Pacific/Apia", date(2011, 12, 29), Recurrence(DAY))
    assert [str(daily.due_at(number)) for number in (1, 2, 3, 4)] == [
        "2011-12-29 18:00:00+00:00",
        "2011-12-30 18:00:00+00:00",
        "2011-12-30 18:00:00+00:00",
        "2011-12-31 18:00:00+00:00",
    ]


@given(
    zone=st.sampled_from(sorted(zoneinfo.available_timezones())),
    starts_on=st.dates(date(1970, 1, 1), date(2100, 1, 1)),
    days=st.integers(1, 400),
)
def test_each_run_is_due_once_on_its_date_and_in_order(
    zone: str, starts_on: date, days: int
) -> None:
    daily = _in(zone, starts_on, Recurrence(DAY), created_at=datetime(1960, 1, 1, tzinfo=UTC))
    due, following = daily.due_at(days), daily.due_at(days + 1)
    assert due is not None
    assert following is not None
    assert due <= following
    local = due.astimezone(zoneinfo.ZoneInfo(zone))
    assume(local.date() == daily.date_of(days))
    # Only a gap moves it, to a later time.
    assert local.time() >= recurrence.DUE_TIME


@pytest.mark.parametrize("gone", ["Mars/Olympus", "", "../etc/passwd", "Europe", "\0"])
def test_runs_of_a_zone_that_is_gone_are_due_by_utc(gone: str) -> None:
    assert str(_in(gone, date(2027, 3, 28)).due_at(1)) == "2027-03-28 08:00:00+00:00"
