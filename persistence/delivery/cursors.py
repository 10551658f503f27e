"""How far each person's book has been given to the Channels server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from domain.ledger.transfers import Entry
from persistence.engine import unit_of_work
from persistence.engine.database import Database
from persistence.engine.unit_of_work import Unit
from persistence.ledger import entry_rows

#: As many as a Channels server takes at once.
MAXIMUM_ENTRIES = 10

_CREATE = text("INSERT INTO push_cursors (user_id) VALUES (:user_id) ON CONFLICT DO NOTHING")
_LOCK = text("SELECT pushed_sequence FROM push_cursors WHERE user_id = :user_id FOR NO KEY UPDATE")
_NEXT = text(
    f"SELECT {entry_rows.COLUMNS} FROM transactions "  # noqa: S608
    "WHERE user_id = :user_id AND sequence > :sequence ORDER BY sequence LIMIT :limit"
)
_ADVANCE = text("UPDATE push_cursors SET pushed_sequence = :sequence WHERE user_id = :user_id")
_DONE = text("DELETE FROM push_due WHERE user_id = :user_id AND sequence <= :sequence")
_SINCE = text("UPDATE push_due SET since = now() WHERE user_id = :user_id")
_BEHIND = text(
    "SELECT user_id FROM push_due WHERE since <= now() - make_interval(secs => :age) "
    "ORDER BY since LIMIT :limit"
)
_LAG = text(
    "SELECT count(*) AS users, "
    "coalesce(extract(epoch FROM clock_timestamp() - min(since)), 0) AS oldest_age_seconds "
    "FROM push_due"
)


@dataclass(frozen=True, slots=True)
class Lag:
    """How many people have lines that the Channels server has not accepted, and since when."""

    users: int
    oldest_age_seconds: float


class Push:
    """One person's cursor, held: nobody else pushes for this person meanwhile."""

    def __init__(self, unit: Unit, user_id: UUID, pushed: int, entries: Sequence[Entry]) -> None:
        self._unit = unit
        self._user_id = user_id
        #: The sequence up to which the Channels server has accepted.
        self.pushed_sequence = pushed
        #: What comes next, in sequence: ten lines at most.
        self.entries = entries

    async def advance(self, sequence: int) -> None:
        """The Channels server has accepted the lines up to that one."""
        await self._unit.connection.execute(
            _ADVANCE, {"user_id": self._user_id, "sequence": sequence}
        )
        self.pushed_sequence = sequence


@asynccontextmanager
async def take(db: Database, user_id: UUID) -> AsyncIterator[Push]:
    """Hold the person's cursor for one batch: trigger `lines` in order, then `advance`.

    What is done between has to take less than 15 seconds. What was advanced is committed at the end of
    the `with`; for more than ten lines, take it again. Raises Unavailable, also while somebody else
    has held it for 5 seconds.
    """
    async with unit_of_work.held(db) as unit:
        names = {"user_id": user_id}
        await unit.connection.execute(_CREATE, names)
        pushed: int = (await unit.connection.execute(_LOCK, names)).scalar_one()
        rows = await unit.connection.execute(
            _NEXT, {**names, "sequence": pushed, "limit": MAXIMUM_ENTRIES}
        )
        push = Push(unit, user_id, pushed, [entry_rows.from_row(row) for row in rows])
        yield push
    if push.pushed_sequence > pushed or not push.entries:
        await _note_progress(db, user_id, push.pushed_sequence)


async def _note_progress(db: Database, user_id: UUID, sequence: int) -> None:
    async def work(unit: Unit) -> None:
        done = await unit.connection.execute(_DONE, {"user_id": user_id, "sequence": sequence})
        if not done.rowcount:
            await unit.connection.execute(_SINCE, {"user_id": user_id})

    await unit_of_work.run(db, work)


async def behind(db: Database, limit: int, *, older_than_seconds: float = 0) -> list[UUID]:
    """Whose published lines have waited so long for the Channels server: the longest first."""
    parameters = {"limit": limit, "age": older_than_seconds}
    found = await db.read(lambda connection: connection.scalars(_BEHIND, parameters))
    return list(found)


async def lag(db: Database) -> Lag:
    """How far behind the pushes are."""
    row = (await db.read(lambda connection: connection.execute(_LAG))).one()
    return Lag(row.users, max(float(row.oldest_age_seconds), 0.0))
