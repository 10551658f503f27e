"""Rows of scheduled transfers and of runs, as objects of the domain."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from domain.schedules.recurrence import Calendar, Recurrence, RecurrenceUnit
from domain.schedules.schedules import Run, RunStatus, ScheduledTransfer, ScheduleStatus
from persistence.engine.unit_of_work import Unit

_FIND = text("SELECT * FROM scheduled_transfers WHERE user_id = :user_id AND id = :schedule_id")
_WAITING = text(
    "SELECT * FROM scheduled_runs WHERE user_id = :user_id AND schedule_id = :schedule_id "
    "AND status = 'WAITING'"
)
_CHANGE = text(
    "UPDATE scheduled_transfers SET status = :status, next_number = :next_number, "
    "attempt_at = :attempt_at WHERE user_id = :user_id AND id = :schedule_id"
)


def schedule(row: Row[Any]) -> ScheduledTransfer:
    """The scheduled transfer in a row."""
    unit, interval = row.recurrence_unit, row.recurrence_interval
    return ScheduledTransfer(
        user_id=row.user_id,
        schedule_id=row.id,
        recipient_id=row.recipient_id,
        amount_minor=row.amount,
        note=row.note,
        calendar=Calendar(
            starts_on=row.starts_on,
            recurrence=None if unit is None else Recurrence(RecurrenceUnit(unit), interval),
            ends_on=row.ends_on,
            time_zone=row.time_zone,
            created_at=row.created_at,
        ),
        status=ScheduleStatus(row.status),
        next_number=row.next_number,
        idempotency_key=row.idempotency_key,
        api_token_id=row.api_token_id,
    )


def run(row: Row[Any]) -> Run:
    """The run in a row."""
    return Run(
        user_id=row.user_id,
        schedule_id=row.schedule_id,
        number=row.number,
        due_at=row.due_at,
        status=RunStatus(row.status),
        sequence=row.sequence,
        refusal=row.refusal,
    )


async def find(unit: Unit, user_id: UUID, schedule_id: UUID) -> Row[Any] | None:
    """The row of a scheduled transfer, in a unit of work that has locked its user."""
    names = {"user_id": user_id, "schedule_id": schedule_id}
    return (await unit.connection.execute(_FIND, names)).one_or_none()


async def waiting_run(unit: Unit, user_id: UUID, schedule_id: UUID) -> Run | None:
    """The run that has begun and not ended: a schedule has one at most."""
    names = {"user_id": user_id, "schedule_id": schedule_id}
    row = (await unit.connection.execute(_WAITING, names)).one_or_none()
    return None if row is None else run(row)


async def change(
    unit: Unit,
    found: ScheduledTransfer,
    status: ScheduleStatus,
    next_number: int,
    attempt_at: datetime | None,
) -> None:
    """Change where it is: in a unit of work that has locked its user."""
    parameters = {
        "user_id": found.user_id,
        "schedule_id": found.schedule_id,
        "status": status.value,
        "next_number": next_number,
        "attempt_at": attempt_at,
    }
    await unit.connection.execute(_CHANGE, parameters)
