"""Attempts at delivering events to webhooks, kept for 30 days."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from domain import ids, paging
from domain.webhooks import Attempt, Outcome
from persistence.engine import unit_of_work
from persistence.engine.database import Database
from persistence.engine.unit_of_work import Unit

KEPT = timedelta(days=30)

_COUNT = text(
    "SELECT coalesce(max(attempt), 0) FROM webhook_attempts "
    "WHERE user_id = :user_id AND webhook_id = :webhook_id AND number = :number"
)
_INSERT = text(
    "INSERT INTO webhook_attempts (user_id, id, webhook_id, number, attempt, sent_at, "
    "duration_milliseconds, status, detail, is_delivered, next_attempt_at, epoch) "
    # The clock of another machine may be ahead of the database's.
    "VALUES (:user_id, :id, :webhook_id, :number, :attempt, "
    "least(CAST(:sent_at AS timestamptz), clock_timestamp()), :duration, :status, :detail, "
    ":is_delivered, :next_attempt_at, :epoch)"
)
_PAGE = text(
    "SELECT * FROM webhook_attempts WHERE user_id = :user_id AND webhook_id = :webhook_id "
    "AND (CAST(:before AS uuid) IS NULL OR id < :before) AND sent_at > now() - CAST(:kept AS interval) "
    "ORDER BY id DESC LIMIT :limit"
)


async def add(
    unit: Unit,
    user_id: UUID,
    webhook_id: UUID,
    number: int,
    outcome: Outcome,
    *,
    next_attempt_at: datetime | None = None,
) -> Attempt:
    """Record an attempt at the event of that number."""
    event = {"user_id": user_id, "webhook_id": webhook_id, "number": number}
    before: int = await unit.connection.scalar(_COUNT, event)
    attempt = Attempt(ids.new_id(), webhook_id, number, before + 1, outcome, next_attempt_at)
    await unit.connection.execute(
        _INSERT,
        {
            **event,
            "id": attempt.attempt_id,
            "attempt": attempt.attempt,
            "sent_at": outcome.sent_at,
            "duration": outcome.duration_milliseconds,
            "status": outcome.status,
            "detail": outcome.detail,
            "is_delivered": outcome.is_delivered,
            "next_attempt_at": next_attempt_at,
            "epoch": outcome.epoch_id,
        },
    )
    return attempt


async def add_alone(
    db: Database, user_id: UUID, webhook_id: UUID, number: int, outcome: Outcome
) -> Attempt:
    """Record an attempt that has no consequence."""

    async def work(unit: Unit) -> Attempt:
        return await add(unit, user_id, webhook_id, number, outcome)

    return await unit_of_work.run(db, work)


async def page(
    db: Database, user_id: UUID, webhook_id: UUID, size: int, after: UUID | None
) -> paging.Page[Attempt]:
    """A page of a webhook's attempts, newest first; `after` is the id of the last one seen."""
    parameters = {
        "user_id": user_id,
        "webhook_id": webhook_id,
        "before": after,
        "kept": KEPT,
        "limit": size + 1,
    }
    rows = (await db.read(lambda connection: connection.execute(_PAGE, parameters))).all()
    items = [_from_row(row) for row in rows[:size]]
    return paging.Page(items, has_next=len(rows) > size, has_previous=after is not None)


def _from_row(row: Row[Any]) -> Attempt:
    outcome = Outcome(
        row.sent_at, row.duration_milliseconds, row.status, row.detail, row.is_delivered, row.epoch
    )
    return Attempt(row.id, row.webhook_id, row.number, row.attempt, outcome, row.next_attempt_at)
