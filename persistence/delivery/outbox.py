"""The outbox: committed events that are to be published.

A row that this release cannot read is set aside: it waits for a release that can, and blocks nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text

from domain import events
from persistence.delivery import cursors
from persistence.delivery.cursors import Due
from persistence.engine import unit_of_work
from persistence.engine.database import Database
from persistence.engine.pipeline import Query

_IS_FREE = "published_at IS NULL AND set_aside_at IS NULL AND (claimed_until IS NULL OR claimed_until < now())"
# Rows are not found by a last id, because ids become visible out of order: the oldest free ones are taken,
# and each is checked again as it is locked. Another relay may claim some of them in between.
_FREE = Query(f"SELECT user_id, id FROM outbox WHERE {_IS_FREE} ORDER BY id LIMIT :limit")  # noqa: S608
_CLAIM = Query(
    f"""
    UPDATE outbox AS claimed SET claimed_until = now() + CAST(:lease AS interval)
    FROM unnest(CAST(:user_ids AS uuid[]), CAST(:ids AS uuid[])) AS free (user_id, id)
    WHERE claimed.user_id = free.user_id AND claimed.id = free.id AND {_IS_FREE}
    RETURNING claimed.user_id, claimed.id, claimed.topic, claimed.payload, claimed.traceparent
    """  # noqa: S608
)
_MARK_PUBLISHED = Query(
    """
    UPDATE outbox AS done SET published_at = now(), set_aside_at = NULL
    FROM unnest(CAST(:user_ids AS uuid[]), CAST(:ids AS uuid[])) AS told (user_id, id)
    WHERE done.user_id = told.user_id AND done.id = told.id AND done.published_at IS NULL
    """
)
_SET_ASIDE = Query(
    """
    UPDATE outbox AS unreadable SET set_aside_at = now()
    FROM unnest(CAST(:user_ids AS uuid[]), CAST(:ids AS uuid[])) AS found (user_id, id)
    WHERE unreadable.user_id = found.user_id AND unreadable.id = found.id
        AND unreadable.published_at IS NULL
    """
)
_READ_SET_ASIDE = text(
    "SELECT user_id, id, topic, payload, traceparent, set_aside_at FROM outbox "
    "WHERE published_at IS NULL AND set_aside_at IS NOT NULL "
    "AND (set_aside_at, id) > (CAST(:after_time AS timestamptz), CAST(:after_id AS uuid)) "
    "ORDER BY set_aside_at, id LIMIT :limit"
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


_CLOCK = text("SELECT clock_timestamp()")
_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
#: A row that was set aside may be committed this much later.
_COMMITTING = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A row and its event."""

    user_id: UUID
    id: UUID
    event: events.Event
    #: The trace in which it was written; empty for none.
    traceparent: str = ""


class _Stored(NamedTuple):
    user_id: UUID
    id: UUID
    topic: str
    payload: dict[str, Any]
    traceparent: str


@dataclass(frozen=True, slots=True)
class UnreadableRow:
    """A row that this release cannot read."""

    user_id: UUID
    id: UUID
    topic: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """Rows that a relay has claimed, and rows that it set aside because it cannot read them."""

    rows: Sequence[OutboxRow]
    unreadable: Sequence[UnreadableRow]


@dataclass(frozen=True, slots=True)
class SetAside:
    """Rows that were set aside and are readable."""

    rows: Sequence[OutboxRow]
    #: Once `rows` is empty: what was set aside before this time need not be looked at again.
    looked_until: datetime


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many rows are not published yet, and how old the oldest one is."""

    count: int
    oldest_age_seconds: float
    #: Rows that were set aside; they are not in `count`.
    set_aside: int = 0


async def claim(db: Database, limit: int, lease_seconds: float) -> Claimed:
    """Claim the oldest free rows; after the lease they are free again.

    Rows that cannot be read are set aside.
    """
    rows: list[OutboxRow] = []
    unreadable: list[UnreadableRow] = []
    lease = timedelta(seconds=lease_seconds)
    while True:
        free = await db.rows(_FREE.bind(limit=limit - len(rows)))
        if not free:
            return Claimed(rows, unreadable)
        user_ids, row_ids = zip(*free, strict=True)
        claim_free = _CLAIM.bind(user_ids=user_ids, ids=row_ids, lease=lease)
        claimed = _read(await unit_of_work.repeatable(db, claim_free))
        if claimed.unreadable:
            await unit_of_work.repeatable(db, _SET_ASIDE.bind(**_names(claimed.unreadable)))
        rows += claimed.rows
        unreadable += claimed.unreadable
        # Otherwise other relays have claimed some of these, and there may be more.
        if len(free) == len(claimed.rows) + len(claimed.unreadable):
            return Claimed(rows, unreadable)


async def readable_set_aside(
    db: Database, since: datetime | None = None, page: int = 500
) -> SetAside:
    """At most a page of the rows set aside since then that this release can read; all of them without
    `since`.
    """
    after_time, after_id = since or _BEGINNING, UUID(int=0)
    async with db.reading() as connection:
        looked_at: datetime = (await connection.execute(_CLOCK)).scalar_one()
    while True:
        async with db.reading() as connection:
            parameters = {"after_time": after_time, "after_id": after_id, "limit": page}
            found = (await connection.execute(_READ_SET_ASIDE, parameters)).all()
        rows = _read(row[:-1] for row in found).rows
        if rows or len(found) < page:
            return SetAside(rows, looked_at - _COMMITTING)
        after_time, after_id = found[-1].set_aside_at, found[-1].id


def _read(found: Iterable[Sequence[Any]]) -> Claimed:
    rows, unreadable = [], []
    for row in sorted((_Stored(*each) for each in found), key=lambda row: row.id):
        try:
            event = events.read(row.topic, row.payload)
        except events.Unreadable:
            unreadable.append(UnreadableRow(row.user_id, row.id, row.topic))
        else:
            rows.append(OutboxRow(row.user_id, row.id, event, row.traceparent))
    return Claimed(rows, unreadable)


def _names(rows: Sequence[OutboxRow] | Sequence[UnreadableRow]) -> dict[str, list[UUID]]:
    return {"user_ids": [row.user_id for row in rows], "ids": [row.id for row in rows]}


async def mark_published(db: Database, rows: Sequence[OutboxRow], due: Sequence[Due] = ()) -> None:
    """Mark rows as done, whose hints are published and jobs are queued. Before that, note `due`."""
    if due:
        await unit_of_work.run(db, lambda unit: cursors.note_due(unit, due))
    if rows:
        await unit_of_work.repeatable(db, _MARK_PUBLISHED.bind(**_names(rows)))


async def backlog(db: Database) -> Backlog:
    """How far behind the relay is."""
    found = await db.read(lambda connection: connection.execute(_BACKLOG))
    row = found.one()
    return Backlog(row.waiting, max(float(row.oldest_age_seconds), 0.0), row.set_aside)
