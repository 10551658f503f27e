"""When the runs of a scheduled transfer are due.

Run n has a date, counted in calendar days from the first one, and is due at 08:00 of that date in the
schedule's time zone. Nothing is counted from the run before, so that no date drifts: what starts on
31 January is due on 28 February and on 31 March.
"""

from __future__ import annotations

import calendar
import enum
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from domain import errors, time_zones

MAXIMUM_INTERVAL = 1_000
#: The local time at which runs are due.
DUE_TIME = time(8)
_MONTHS_A_YEAR = 12


class RecurrenceUnit(enum.StrEnum):
    """What the interval between two runs is counted in."""

    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"
    YEAR = "YEAR"


@dataclass(frozen=True, slots=True)
class Recurrence:
    """Every `interval` units."""

    unit: RecurrenceUnit
    interval: int = 1


@dataclass(frozen=True, slots=True)
class Calendar:
    """What decides when the runs of a scheduled transfer are due."""

    starts_on: date
    #: None for a single run.
    recurrence: Recurrence | None
    #: The last date on which a run may be due; None is no end.
    ends_on: date | None
    #: An IANA name; UTC is used if the installed data has lost it.
    time_zone: str
    created_at: datetime

    def date_of(self, number: int) -> date | None:
        """The date of a run, counted from 1; None if there is no such run."""
        day = run_date(self.starts_on, self.recurrence, number)
        is_over = day is not None and self.ends_on is not None and day > self.ends_on
        return None if is_over else day

    def due_at(self, number: int) -> datetime | None:
        """When a run is due; None if there is no such run.

        At once if that time had passed when the schedule was created: on the day of its creation.
        """
        day = self.date_of(number)
        if day is None:
            return None
        return max(due_time(day, time_zones.zone(self.time_zone)), self.created_at)


def check(recurrence: Recurrence) -> None:
    """Raises InvalidInput for an interval that is out of bounds."""
    if not 1 <= recurrence.interval <= MAXIMUM_INTERVAL:
        raise errors.invalid(
            ("recurrence", "interval"), f"Choose an interval from 1 to {MAXIMUM_INTERVAL}."
        )


def run_date(starts_on: date, recurrence: Recurrence | None, number: int) -> date | None:
    """The date of run `number`, counted from 1; None if there is none, or past the year 9999.

    Months and years keep the day of `starts_on`, or use the last day of a month that is shorter.
    """
    if recurrence is None:
        return starts_on if number == 1 else None
    units = (number - 1) * recurrence.interval
    try:
        match recurrence.unit:
            case RecurrenceUnit.DAY:
                return starts_on + timedelta(days=units)
            case RecurrenceUnit.WEEK:
                return starts_on + timedelta(weeks=units)
            case RecurrenceUnit.MONTH:
                return _months_after(starts_on, units)
            case RecurrenceUnit.YEAR:
                return _months_after(starts_on, units * _MONTHS_A_YEAR)
    except OverflowError:
        return None


def _months_after(day: date, months: int) -> date | None:
    years, month = divmod(day.month - 1 + months, _MONTHS_A_YEAR)
    year = day.year + years
    if year > date.max.year:
        return None
    _, last = calendar.monthrange(year, month + 1)
    return date(year, month + 1, min(day.day, last))


def due_time(day: date, zone: tzinfo) -> datetime:
    """08:00 of that date in the zone, in UTC: one instant for each date, whatever clocks do.

    Where clocks are set back over 08:00, it is the first of the two. Where they are set forward over it,
    or the zone skips the whole date, it is when 08:00 would have been by the clock before the change.
    """
    return datetime.combine(day, DUE_TIME, zone).astimezone(UTC)
