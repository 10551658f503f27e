"""Units of work: the only place that commits, with retries of serialization failures."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import psycopg
from sqlalchemy import exc, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain import errors, events, ids
from persistence import tables
from persistence.engine import database, pinned, pipeline
from persistence.engine.database import Database
from persistence.engine.pipeline import Rows, Statement
from persistence.engine.servers import READ_ONLY_TRANSACTION

ATTEMPTS = 6
_FIRST_PAUSE_SECONDS = 0.005

_CLOCK = text("SELECT clock_timestamp()")

Result = TypeVar("Result")


class Unit:
    """A transaction in progress: its connection, and the events to publish after the commit."""

    def __init__(self, connection: AsyncConnection, traceparent: str | None = None) -> None:
        self.connection = connection
        self._traceparent = traceparent
        self._announcements: list[dict[str, object]] = []

    def announce(self, user_id: UUID, topic: events.Topic, payload: Mapping[str, Any]) -> None:
        """Add a row to the outbox, in the same commit."""
        self._announcements.append(
            {"user_id": user_id, "id": ids.new_id(), "topic": topic.value, "payload": payload}
        )

    async def clock(self) -> datetime:
        """The database's time now: read it after the locks are held."""
        now: datetime = await self.connection.scalar(_CLOCK)
        return now

    async def flush(self) -> None:
        if self._announcements:
            if self._traceparent is not None:
                await self.connection.execute(text(pinned.trace(self._traceparent)))
            await self.connection.execute(tables.outbox.insert(), self._announcements)
            self._announcements.clear()


async def run(db: Database, work: Callable[[Unit], Awaitable[Result]]) -> Result:
    """Do `work` in one transaction and commit it.

    It is repeated from the start after a deadlock, a serialization failure, or a connection that was lost
    before the commit began, and once if the server accepts no writes. Raises Unavailable if the database is
    unavailable, and, after a rollback, whatever `work` raises.
    """
    for attempt in range(1, ATTEMPTS + 1):
        unit: Unit | None = None
        committing = False
        try:
            async with db.translated(), db.transaction() as connection:
                unit = Unit(connection, db.traceparent())
                answer = await work(unit)
                await unit.flush()
                committing = True
                await _commit(connection)
                return answer
        except errors.Unavailable as error:
            cause = error.__cause__
            again = is_retried(cause) or (database.was_disconnected(cause) and not committing)
            # Once: another server may have taken over.
            again |= attempt == 1 and database.sqlstate(cause) == READ_ONLY_TRANSACTION
            if attempt == ATTEMPTS or not again:
                raise
        await pause(attempt)
    raise AssertionError("the last attempt returns or raises")


async def repeatable(db: Database, statement: Statement) -> Rows:
    """The rows of one statement, committed in the same round trip without waiting for the disk.

    For changes that may be made twice, and may be undone by a crash of the database server. Raises
    Unavailable.
    """
    return await db.change(statement)


@asynccontextmanager
async def held(db: Database) -> AsyncIterator[Unit]:
    """A transaction over the body of a `with`, committed at its end; for work that cannot be repeated."""
    try:
        async with db.transaction() as connection:
            unit = Unit(connection, db.traceparent())
            yield unit
            await unit.flush()
            await _commit(connection)
    except (exc.DBAPIError, exc.TimeoutError, psycopg.Error) as error:
        if not database.is_trouble(error):
            raise
        raise database.unavailable(error) from error


async def _commit(connection: AsyncConnection) -> None:
    """Commit, in a way that cancels nothing on the server: see `commits`.

    After any error, and after a cancellation, the outcome is unknown and the connection is closed.
    """
    driver_connection: Any = (await connection.get_raw_connection()).driver_connection
    try:
        await pipeline.round_trip(driver_connection, [(b"COMMIT", ())])
        driver_connection.warnings.check()
    except BaseException:
        await driver_connection.close()
        await connection.invalidate()
        raise
    # For SQLAlchemy: there is nothing left to commit.
    await connection.commit()


def is_retried(error: BaseException | None) -> bool:
    """Whether PostgreSQL requires the transaction to be repeated."""
    return database.sqlstate(error) in database.RETRIED


async def pause(attempt: int) -> None:
    """Wait with random, growing delays, so that competing transactions do not collide again."""
    await asyncio.sleep(random.uniform(0.5, 1.5) * _FIRST_PAUSE_SECONDS * 2**attempt)  # noqa: S311
