"""Runs of scheduled transfers: which are due, their attempts, and their list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from domain import paging
from domain.errors import DomainError
from domain.notifications.notices import Notice
from domain.notifications.notification_kinds import NotificationKind
from domain.schedules import refusals
from domain.schedules.schedules import (
    FINAL_REFUSALS,
    Run,
    RunStatus,
    ScheduledTransfer,
    ScheduleStatus,
)
from persistence.engine import unit_of_work
from persistence.engine.database import Database
from persistence.engine.unit_of_work import Unit
from persistence.notifications import notifying
from persistence.people import persons
from persistence.schedules import rows, schedules

#: After so long, a run is attempted again whose worker was killed.
LEASE = timedelta(seconds=30)

_DUE = text(
    "SELECT user_id, id FROM scheduled_transfers WHERE attempt_at <= now() "
    "ORDER BY attempt_at LIMIT :limit"
)
_LAG = text(
    "SELECT coalesce(extract(epoch FROM clock_timestamp() - min(attempt_at)), 0)::float8 "
    "FROM scheduled_transfers WHERE attempt_at <= now()"
)
_BEGIN = text(
    "INSERT INTO scheduled_runs (user_id, schedule_id, number, due_at) "
    "VALUES (:user_id, :schedule_id, :number, :due_at)"
)
_REFUSE = text(
    "UPDATE scheduled_runs SET status = :status, refusal = :refusal WHERE user_id = :user_id "
    "AND schedule_id = :schedule_id AND number = :number"
).bindparams(bindparam("refusal", type_=JSONB))
_PAGE = text(
    "SELECT * FROM scheduled_runs WHERE user_id = :user_id AND schedule_id = :schedule_id "
    "AND (CAST(:before AS bigint) IS NULL OR number < :before) ORDER BY number DESC LIMIT :limit"
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A run that this worker is to attempt now."""

    schedule: ScheduledTransfer
    run: Run


async def due(db: Database, limit: int) -> list[tuple[UUID, UUID]]:
    """The scheduled transfers with a run to attempt, as pairs of user id and id, the longest due first."""
    found = await db.read(lambda connection: connection.execute(_DUE, {"limit": limit}))
    return [(row.user_id, row.id) for row in found]


async def lag_seconds(db: Database) -> float:
    """How long the run that is due longest has waited for its attempt; 0 if none is due."""
    seconds: float = await db.read(lambda connection: connection.scalar(_LAG))
    return seconds


async def begin(db: Database, user_id: UUID, schedule_id: UUID) -> Attempt | None:
    """Take the run that is due, unless another worker has: one that waits comes before the next.

    None if there is none. Raises Unavailable.
    """

    async def work(unit: Unit) -> Attempt | None:
        person = await persons.lock(unit, user_id)
        row = await rows.find(unit, user_id, schedule_id)
        if row is None or row.status != ScheduleStatus.ACTIVE:
            return None
        found = rows.schedule(row)
        if person is None:
            await schedules.close(unit, found)
            return None
        now = await unit.clock()
        if row.attempt_at > now:
            return None
        run = await rows.waiting_run(unit, user_id, schedule_id)
        if run is not None:
            await _next(unit, found, found.next_number, now + LEASE)
            return Attempt(found, run)
        number = found.next_number
        due_at = found.calendar.due_at(number)
        if due_at is None or due_at > now:
            # The data of time zones has changed since this time was calculated.
            await _next(unit, found, number, due_at)
            return None
        run = Run(user_id, schedule_id, number, due_at, RunStatus.WAITING)
        await unit.connection.execute(_BEGIN, {**_names(run), "due_at": due_at})
        await _next(unit, found, number + 1, now + LEASE)
        return Attempt(found, run)

    return await unit_of_work.run(db, work)


async def refused(db: Database, attempt: Attempt, refusal: DomainError) -> RunStatus | None:
    """Record that the ledger refused the run, and when it is tried again; or that it has failed, of which
    the user is notified.

    What has become of it; None if it was ended or paused meanwhile, or sent. Raises Unavailable.
    """
    run = attempt.run

    async def work(unit: Unit) -> RunStatus | None:
        await persons.lock(unit, run.user_id)
        row = await rows.find(unit, run.user_id, run.schedule_id)
        waiting = await rows.waiting_run(unit, run.user_id, run.schedule_id)
        if row is None or row.status != ScheduleStatus.ACTIVE:
            return None
        if waiting is None or waiting.number != run.number:
            return None
        found = rows.schedule(row)
        is_final = isinstance(refusal, FINAL_REFUSALS)
        again_at = None if is_final else waiting.next_attempt_at(await unit.clock())
        status = RunStatus.FAILED if again_at is None else RunStatus.WAITING
        parameters = {"status": status.value, "refusal": refusals.stored(refusal)}
        await unit.connection.execute(_REFUSE, {**_names(run), **parameters})
        if again_at is None:
            await _notify(unit, found)
            again_at = found.calendar.due_at(found.next_number)
        await _next(unit, found, found.next_number, again_at)
        return status

    return await unit_of_work.run(db, work)


async def _notify(unit: Unit, failed: ScheduledTransfer) -> None:
    notice = Notice(
        failed.user_id,
        NotificationKind.SCHEDULED_TRANSFER_FAILED,
        person_id=failed.recipient_id,
        subject_id=failed.schedule_id,
        details={"amount_minor": failed.amount_minor},
    )
    await notifying.notify(unit, [notice])


async def _next(
    unit: Unit, found: ScheduledTransfer, next_number: int, attempt_at: datetime | None
) -> None:
    """Have a relay ask for it then; without a time it has ended."""
    status = ScheduleStatus.ENDED if attempt_at is None else ScheduleStatus.ACTIVE
    await rows.change(unit, found, status, next_number, attempt_at)


def _names(run: Run) -> dict[str, Any]:
    return {"user_id": run.user_id, "schedule_id": run.schedule_id, "number": run.number}


async def page(
    db: Database, user_id: UUID, schedule_id: UUID, size: int, after: int | None
) -> paging.Page[Run]:
    """A page of the runs of a scheduled transfer, newest first; `after` is the last number seen."""
    parameters = {
        "user_id": user_id,
        "schedule_id": schedule_id,
        "before": after,
        "limit": size + 1,
    }
    found = (await db.read(lambda connection: connection.execute(_PAGE, parameters))).all()
    items = [rows.run(row) for row in found[:size]]
    return paging.Page(items, has_next=len(found) > size, has_previous=after is not None)
