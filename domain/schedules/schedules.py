"""Scheduled transfers and their runs."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from domain import errors
from domain.schedules.recurrence import Calendar

#: Per user, active and paused ones.
MAXIMUM_UNENDED = 200
#: The pause between two attempts at a run.
RETRY_PAUSE = timedelta(hours=1)
#: For so long after it was due, a run that is refused is tried again.
TRIED_FOR = timedelta(hours=24)
#: Refusals that no further attempt can change: the key of the run is used up.
FINAL_REFUSALS = (errors.IdempotencyKeyClosed, errors.IdempotencyKeyReused)


class ScheduleStatus(enum.StrEnum):
    """Whether a scheduled transfer has runs."""

    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    ENDED = "ENDED"


class RunStatus(enum.StrEnum):
    """What came of a run."""

    WAITING = "WAITING"
    SENT = "SENT"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class ScheduledTransfer:
    """What is sent, to whom and when; the amount is in minor units."""

    user_id: UUID
    schedule_id: UUID
    recipient_id: UUID
    amount_minor: int
    note: str | None
    calendar: Calendar
    status: ScheduleStatus
    #: The number of the next run that has not begun.
    next_number: int
    idempotency_key: str
    #: The API token that created it, if one did.
    api_token_id: UUID | None = None

    @property
    def created_at(self) -> datetime:
        return self.calendar.created_at

    @property
    def next_run_at(self) -> datetime | None:
        """When the next run that has not begun is due; None if there is none, or while it is paused."""
        if self.status is not ScheduleStatus.ACTIVE:
            return None
        return self.calendar.due_at(self.next_number)


@dataclass(frozen=True, slots=True)
class Run:
    """One transfer of a schedule, from when it is due."""

    user_id: UUID
    schedule_id: UUID
    number: int
    due_at: datetime
    status: RunStatus
    #: The entry of the user's own ledger; None until it is sent.
    sequence: int | None = None
    #: Why the latest attempt failed, as `domain.schedules.refusals` stores it.
    refusal: Mapping[str, Any] | None = None

    @property
    def idempotency_key(self) -> str:
        return run_key(self.schedule_id, self.number)

    def next_attempt_at(self, now: datetime) -> datetime | None:
        """When it is tried again after a refusal; None if it has failed."""
        end = self.due_at + TRIED_FOR
        return None if now >= end else min(now + RETRY_PAUSE, end)


def check_dates(starts_on: date, ends_on: date | None, today: date) -> None:
    """Raises InvalidInput. `today` is the date in the schedule's time zone."""
    if starts_on < today:
        raise errors.invalid("startsOn", f"Choose today ({today}) or a later date.")
    if ends_on is not None and ends_on < starts_on:
        raise errors.invalid("endsOn", "The last date must not be before the first.")


# ------------------------------------------------ keys

#: As in `run_key`, for a regular expression of PostgreSQL too.
RUN_KEY_PATTERN = (
    "^schedule:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}:[1-9][0-9]{0,17}$"
)
_RUN_KEY = re.compile(RUN_KEY_PATTERN)
_RUN_KEY_START = "schedule:"


def run_key(schedule_id: UUID, number: int) -> str:
    """The idempotency key of a run, among those of transfers."""
    return f"{_RUN_KEY_START}{schedule_id}:{number}"


def is_run_key(key: str) -> bool:
    """Whether a key has the form of those of runs, which nobody else may use for a transfer."""
    return key.startswith(_RUN_KEY_START) and _RUN_KEY.match(key) is not None
