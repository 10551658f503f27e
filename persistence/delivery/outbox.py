"""The outbox: what has happened and is yet to be told.

A row that this release cannot read is set aside: it waits for one that can, and blocks nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from domain import events
from persistence.engine import unit_of_work
from persistence.engine.database import Database
from persistence.engine.unit_of_work import Unit

# Never by a last id: ids become visible out of order. The oldest that are free, each checked again as
# it is locked.
_CLAIM = text(
    """
    UPDATE outbox AS claimed SET claimed_until = now() + make_interval(secs => :lease)
    FROM (
        SELECT user_id, id FROM outbox
        WHERE published_at IS NULL AND set_aside_at IS NULL
            AND (claimed_until IS NULL OR claimed_until < now())
        ORDER BY id LIMIT :limit
        FOR NO KEY UPDATE SKIP LOCKED
    ) AS free
    WHERE claimed.user_id = free.user_id AND claimed.id = free.id
    RETURNING claimed.user_id, claimed.id, claimed.topic, claimed.payload
    """
)
_MARK_PUBLISHED = text(
    """
    UPDATE outbox AS done SET published_at = now(), set_aside_at = NULL
    FROM unnest(CAST(:user_ids AS uuid[]), CAST(:ids AS uuid[])) AS told (user_id, id)
    WHERE done.user_id = told.user_id AND done.id = told.id AND done.published_at IS NULL
    """
)
_SET_ASIDE = text(
    """
    UPDATE outbox AS unreadable SET set_aside_at = now()
    FROM unnest(CAST(:user_ids AS uuid[]), CAST(:ids AS uuid[])) AS found (user_id, id)
    WHERE unreadable.user_id = found.user_id AND unreadable.id = found.id
        AND unreadable.published_at IS NULL
    """
)
_READ_SET_ASIDE = text(
    "SELECT user_id, id, topic, payload FROM outbox "
    "WHERE published_at IS NULL AND set_aside_at IS NOT NULL AND id > :after ORDER BY id LIMIT :limit"
)
_PUSH_DUE = text(
    """
    INSERT INTO push_due (user_id, sequence, since)
    SELECT posted.user_id, posted.sequence, now()
    FROM unnest(CAST(:user_ids AS uuid[]), CAST(:sequences AS bigint[])) AS posted (user_id, sequence)
    JOIN users AS u ON u.id = posted.user_id
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
        (SELECT count(*) FROM outbox WHERE published_at IS NULL AND set_aside_at IS NULL) AS waiting,
        coalesce(extract(epoch FROM clock_timestamp() - (
            SELECT created_at FROM outbox
            WHERE published_at IS NULL AND set_aside_at IS NULL ORDER BY id LIMIT 1
        )), 0) AS oldest_age_seconds,
        (
            SELECT count(*) FROM outbox WHERE published_at IS NULL AND set_aside_at IS NOT NULL
        ) AS set_aside
    """
)


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One thing that has happened."""

    user_id: UUID
    id: UUID
    event: events.Event


@dataclass(frozen=True, slots=True)
class UnreadableRow:
    """A row that another release wrote."""

    user_id: UUID
    id: UUID
    topic: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a relay has in hand, and what it set aside because it cannot read it."""

    rows: Sequence[OutboxRow]
    unreadable: Sequence[UnreadableRow]


@dataclass(frozen=True, slots=True)
class Backlog:
    """How much is yet to be told, and how old the oldest of it is."""

    count: int
    oldest_age_seconds: float
    #: Rows that no relay could read; they are not in `count`.
    set_aside: int = 0


async def claim(db: Database, limit: int, lease_seconds: float) -> Claimed:
    """Take the oldest rows that nobody has in hand; they are free again after the lease.

    Those that cannot be read are set aside.
    """

    async def work(unit: Unit) -> Claimed:
        found = await unit.connection.execute(_CLAIM, {"limit": limit, "lease": lease_seconds})
        claimed = _read(found.all())
        if claimed.unreadable:
            await unit.connection.execute(_SET_ASIDE, _names(claimed.unreadable))
        return claimed

    return await unit_of_work.run(db, work)


async def readable_set_aside(db: Database, page: int = 500) -> Sequence[OutboxRow]:
    """Of the rows that were set aside, at most a page of those that this release can read."""
    after = UUID(int=0)
    while True:
        async with db.reading() as connection:
            parameters = {"after": after, "limit": page}
            found = (await connection.execute(_READ_SET_ASIDE, parameters)).all()
        rows = _read(found).rows
        if rows or len(found) < page:
            return rows
        after = found[-1].id


def _read(found: Sequence[Row[Any]]) -> Claimed:
    rows, unreadable = [], []
    for row in sorted(found, key=lambda row: row.id):
        try:
            event = events.read(row.topic, row.payload)
        except events.Unreadable:
            unreadable.append(UnreadableRow(row.user_id, row.id, row.topic))
        else:
            rows.append(OutboxRow(row.user_id, row.id, event))
    return Claimed(rows, unreadable)


def _names(rows: Sequence[OutboxRow] | Sequence[UnreadableRow]) -> dict[str, list[UUID]]:
    return {"user_ids": [row.user_id for row in rows], "ids": [row.id for row in rows]}


async def mark_published(db: Database, rows: Sequence[OutboxRow]) -> None:
    """Everybody who listens now was told, and the jobs are queued: these rows are done.

    From here on a person with a new line is known to be behind at the Channels server.
    """
    if not rows:
        return
    newest: dict[UUID, int] = {}
    for row in rows:
        if isinstance(row.event, events.TransactionPosted):
            newest[row.user_id] = max(newest.get(row.user_id, 0), row.event.sequence)

    async def work(unit: Unit) -> None:
        if newest:
            await unit.connection.execute(
                _PUSH_DUE, {"user_ids": list(newest), "sequences": list(newest.values())}
            )
        await unit.connection.execute(
            _MARK_PUBLISHED,
            _names(rows),
        )

    await unit_of_work.run(db, work)


async def backlog(db: Database) -> Backlog:
    """How far behind the relay is."""
    found = await db.read(lambda connection: connection.execute(_BACKLOG))
    row = found.one()
    return Backlog(row.waiting, max(float(row.oldest_age_seconds), 0.0), row.set_aside)
