"""Calendar dates in a time zone as instants: where days, months and periods begin and end."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from domain import errors, time_zones

#: The longest statement, in years.
MAXIMUM_YEARS = 10
#: Statements begin on this day or later: long before any ledger, and since when all offsets are whole minutes.
EARLIEST = date(2000, 1, 1)

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


def day_start(day: date, zone: ZoneInfo) -> datetime:
    """The instant, in UTC, at which that date begins in the zone.

    That is midnight. Where midnight occurs twice, it is the first one. Where clocks skip it, it is the
    instant at which they are set forward; a date that they skip whole begins and ends there.
    """
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    # PEP 495: in a gap, the offset from before the change with fold=0, and the one from after with fold=1.
    late = midnight.astimezone(UTC)
    if late.astimezone(zone).replace(tzinfo=None) == midnight.replace(tzinfo=None):
        return late
    early = midnight.replace(fold=1).astimezone(UTC)
    # The change is the only one in between: bisect it. Offsets are whole seconds.
    while late - early > _SECOND:
        middle = early + (late - early) // 2
        middle = middle.replace(microsecond=0)
        if middle.astimezone(zone).date() >= day:
            late = middle
        else:
            early = middle
    return late


@dataclass(frozen=True)
class Period:
    """A range of calendar dates, both inclusive, in a time zone."""

    first_day: date
    last_day: date
    time_zone: str

    @cached_property
    def zone(self) -> ZoneInfo:
        return time_zones.zone(self.time_zone)

    @cached_property
    def start(self) -> datetime:
        """The first instant of the period, in UTC."""
        return day_start(self.first_day, self.zone)

    @cached_property
    def end(self) -> datetime:
        """The first instant after the period, in UTC: exactly where the next day's period starts."""
        return day_start(self.last_day + _DAY, self.zone)

    def local(self, instant: datetime) -> datetime:
        """The instant on the clocks of the zone."""
        return instant.astimezone(self.zone)

    def months(self) -> list[Period]:
        """The calendar months of the period in order; the first and the last may be parts of months."""
        found = []
        first_day = self.first_day
        while first_day <= self.last_day:
            days = calendar.monthrange(first_day.year, first_day.month)[1]
            last_day = min(first_day.replace(day=days), self.last_day)
            found.append(Period(first_day, last_day, self.time_zone))
            first_day = last_day + _DAY
        return found

    def days(self, most: int) -> list[date]:
        """Days at even distances, at most `most` of them; the last one is the last day of the period."""
        length = (self.last_day - self.first_day).days + 1
        step = -(-length // most)
        backwards = range(0, length, step)
        return [self.last_day - timedelta(days=days) for days in reversed(backwards)]


def period(
    first_day: date, last_day: date, time_zone: str, now: datetime, *, years: int = MAXIMUM_YEARS
) -> Period:
    """The period from one date to another, both inclusive.

    Raises InvalidInput if it ends before it begins or after today, or is longer than that many years.
    """
    today = now.astimezone(time_zones.zone(time_zone)).date()
    if first_day > last_day:
        raise errors.invalid("from", "The first day is after the last day.")
    if last_day > today:
        raise errors.invalid("to", f"The last day is after today, {today}, in {time_zone}.")
    if first_day < EARLIEST:
        raise errors.invalid("from", f"Choose a first day of {EARLIEST} or later.")
    if last_day >= _years_after(first_day, years):
        raise errors.invalid("from", f"Choose a period of at most {years} years.")
    return Period(first_day, last_day, time_zone)


def _years_after(day: date, years: int) -> date:
    last = calendar.monthrange(day.year + years, day.month)[1]
    return date(day.year + years, day.month, min(day.day, last))
