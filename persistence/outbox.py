"""The outbox: what has happened and is yet to be told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text

from domain import events
from persistence import unit_of_work
from persistence.database import Database
from persistence.unit_of_work import Unit

# Never by a last id: ids become visible out of order. The oldest that are free, each checked again as
# it is locked.
_CLAIM = text(
    """
    UPDATE outbox AS claimed SET claimed_until = now() + make_interval(secs => :lease)
    FROM (
        SELECT user_id, id FROM outbox
        WHERE published_at IS NULL AND (claimed_until IS NULL OR claimed_until < now())
        ORDER BY id LIMIT :limit
        FOR NO KEY UPDATE SKIP LOCKED
    ) AS free
    WHERE claimed.user_id = free.user_id AND claimed.id = free.id
    RETURNING claimed.user_id, claimed.id, claimed.topic, claimed.payload
    """
)
_MARK_PUBLISHED = text(
    """
    UPDATE outbox AS done SET published_at = now()
    FROM unnest(CAST(:user_ids AS uuid[]), CAST(:ids AS uuid[])) AS told (user_id, id)
    WHERE done.user_id = told.user_id AND done.id = told.id AND done.published_at IS NULL
    """
)
_PUSH_DUE = text(
    """
    INSERT INTO push_due (user_id, sequence, since)
    SELECT posted.user_id, posted.sequence, now()
    FROM unnest(CAST(:user_ids AS uuid[]), CAST(:sequences AS bigint[])) AS posted (user_id, sequence)
    WHERE NOT EXISTS (
        SELECT FROM push_cursors AS c
        WHERE c.user_id = posted.user_id AND c.pushed_sequence >= posted.sequence
    )
    ORDER BY posted.user_id
    ON CONFLICT (user_id) DO UPDATE SET sequence = greatest(push_due.sequence, excluded.sequence)
    """
)
_BACKLOG = text(
    """
    SELECT
        (SELECT count(*) FROM outbox WHERE published_at IS NULL) AS waiting,
        coalesce(extract(epoch FROM clock_timestamp() - (
            SELECT created_at FROM outbox WHERE published_at IS NULL ORDER BY id LIMIT 1
        )), 0) AS oldest_age_seconds
    """
)


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One thing that has happened."""

    user_id: UUID
    id: UUID
    topic: events.Topic
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Backlog:
    """How much is yet to be told, and how old the oldest of it is."""

    count: int
    oldest_age_seconds: float


async def claim(db: Database, limit: int, lease_seconds: float) -> list[OutboxRow]:
    """Take the oldest rows that nobody has in hand; they are free again after the lease."""

    async def work(unit: Unit) -> list[OutboxRow]:
        rows = await unit.connection.execute(_CLAIM, {"limit": limit, "lease": lease_seconds})
        claimed = [
            OutboxRow(row.user_id, row.id, events.Topic(row.topic), row.payload) for row in rows
        ]
        return sorted(claimed, key=lambda row: row.id)

    return await unit_of_work.run(db, work)


async def mark_published(db: Database, rows: Sequence[OutboxRow]) -> None:
    """Everybody who listens now was told, and the jobs are queued: these rows are done.

    From here on a person with a new line is known to be behind at the Channels server.
    """
    if not rows:
        return
    newest: dict[UUID, int] = {}
    for row in rows:
        if row.topic is events.Topic.TRANSACTION_POSTED:
            newest[row.user_id] = max(newest.get(row.user_id, 0), int(row.payload["sequence"]))

    async def work(unit: Unit) -> None:
        if newest:
            await unit.connection.execute(
                _PUSH_DUE, {"user_ids": list(newest), "sequences": list(newest.values())}
            )
        await unit.connection.execute(
            _MARK_PUBLISHED,
            {"user_ids": [row.user_id for row in rows], "ids": [row.id for row in rows]},
        )

    await unit_of_work.run(db, work)


async def backlog(db: Database) -> Backlog:
    """How far behind the relay is."""
    found = await db.read(lambda connection: connection.execute(_BACKLOG))
    row = found.one()
    return Backlog(row.waiting, max(float(row.oldest_age_seconds), 0.0))
