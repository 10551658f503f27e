"""Cursors: up to which event each receiver of a sink has accepted a user's stream, and who is behind.

A receiver that is behind has a row in `delivery_due`, apart from its cursor, whose row is locked for as
long as a delivery takes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text

from persistence.engine import unit_of_work
from persistence.engine.database import Database
from persistence.engine.unit_of_work import Unit

#: For this long after an event was published, its delivery is left to the job that was queued for it.
GRACE_SECONDS = 2.0

_KEY = "user_id = :user_id AND sink = :sink AND receiver_id = :receiver_id"
_CREATE = text(
    "INSERT INTO delivery_cursors (user_id, sink, receiver_id) "
    "VALUES (:user_id, :sink, :receiver_id) ON CONFLICT DO NOTHING"
)
_PLACE = text(
    "INSERT INTO delivery_cursors (user_id, sink, receiver_id, accepted_number) "
    "VALUES (:user_id, :sink, :receiver_id, :number) "
    "ON CONFLICT (user_id, sink, receiver_id) DO UPDATE SET accepted_number = excluded.accepted_number"
)
_FORGET = [
    text(f"DELETE FROM {table} WHERE {_KEY}")  # noqa: S608
    for table in ("delivery_cursors", "delivery_due")
]
_FORGET_DUE = text(f"DELETE FROM delivery_due WHERE {_KEY}")  # noqa: S608
_SCHEDULE = text(
    f"UPDATE delivery_due SET since = :next_try_at, next_try_at = :next_try_at WHERE {_KEY}"  # noqa: S608
)
_LOCK = text(f"SELECT accepted_number FROM delivery_cursors WHERE {_KEY} FOR NO KEY UPDATE")  # noqa: S608
_ADVANCE = text(f"UPDATE delivery_cursors SET accepted_number = :number WHERE {_KEY}")  # noqa: S608
_ACCEPTED = text(
    "SELECT user_id, sink, receiver_id, accepted_number FROM delivery_cursors "
    "WHERE user_id = ANY(:user_ids)"
)
_NOTE_DUE = text(
    """
    INSERT INTO delivery_due (user_id, sink, receiver_id, number, since, next_try_at)
    SELECT told.user_id, told.sink, told.receiver_id, told.number, now(),
        now() + make_interval(secs => :grace)
    FROM unnest(
        CAST(:user_ids AS uuid[]), CAST(:sinks AS text[]), CAST(:receiver_ids AS uuid[]),
        CAST(:numbers AS bigint[])
    ) AS told (user_id, sink, receiver_id, number)
    JOIN users AS u ON u.id = told.user_id
    ORDER BY told.user_id, told.sink, told.receiver_id
    ON CONFLICT (user_id, sink, receiver_id)
        DO UPDATE SET number = greatest(delivery_due.number, excluded.number)
    """
)
_DONE = text(f"DELETE FROM delivery_due WHERE {_KEY} AND number <= :number")  # noqa: S608
_PROGRESS = text(
    "UPDATE delivery_due "  # noqa: S608
    f"SET since = now(), next_try_at = now() + make_interval(secs => :grace) WHERE {_KEY}"
)
_DUE = text(
    "SELECT user_id, receiver_id, since, clock_timestamp() AS now FROM delivery_due "
    "WHERE sink = :sink AND next_try_at <= now() ORDER BY next_try_at LIMIT :limit"
)
_POSTPONE = text(
    "UPDATE delivery_due SET next_try_at = :next_try_at "
    "WHERE user_id = :user_id AND sink = :sink AND receiver_id = :receiver_id"
)
_LAG = text(
    "SELECT sink, count(*) AS receivers, "
    "extract(epoch FROM clock_timestamp() - min(since)) AS oldest_age_seconds "
    "FROM delivery_due GROUP BY sink"
)


@dataclass(frozen=True, slots=True)
class Receiver:
    """A receiver of a user's events: the user's only one for a sink, or one of several."""

    sink: str
    user_id: UUID
    #: The user's own id where the sink has one receiver per user.
    receiver_id: UUID


@dataclass(frozen=True, slots=True)
class Due:
    """The newest event that a receiver is to be delivered, after all earlier ones."""

    receiver: Receiver
    number: int


@dataclass(frozen=True, slots=True)
class Lag:
    """How many receivers of a sink have not accepted everything, and since when."""

    receivers: int
    oldest_age_seconds: float


NO_LAG = Lag(0, 0.0)


class Cursor:
    """A receiver's cursor, locked: no other process delivers to this receiver in the meantime."""

    def __init__(self, unit: Unit, receiver: Receiver, accepted_number: int) -> None:
        self._unit = unit
        self._receiver = receiver
        #: The number of the newest event that the receiver has accepted; 0 before the first.
        self.accepted_number = accepted_number

    async def advance(self, number: int) -> None:
        """The receiver has accepted the events up to that one."""
        await self._unit.connection.execute(_ADVANCE, {**_key(self._receiver), "number": number})
        self.accepted_number = number


@asynccontextmanager
async def take(db: Database, receiver: Receiver) -> AsyncIterator[Cursor]:
    """Lock the receiver's cursor for one page of events: deliver them in order, and `advance`.

    The body of the `with` has to take less than 15 seconds; at its end, the advances are committed.
    Raises Unavailable, also if another process has held the cursor for 5 seconds.
    """
    async with unit_of_work.held(db) as unit:
        await unit.connection.execute(_CREATE, _key(receiver))
        found = await unit.connection.execute(_LOCK, _key(receiver))
        before: int = found.scalar_one()
        cursor = Cursor(unit, receiver, before)
        yield cursor
    after = cursor.accepted_number

    async def note(unit: Unit) -> None:
        done = await unit.connection.execute(_DONE, {**_key(receiver), "number": after})
        if after > before and not done.rowcount:
            await unit.connection.execute(_PROGRESS, {**_key(receiver), "grace": GRACE_SECONDS})

    await unit_of_work.run(db, note)


# ================================================================ within another's unit of work


async def place(unit: Unit, receiver: Receiver, number: int) -> None:
    """Set the cursor: the events after that number are delivered, whether or not they were before."""
    await unit.connection.execute(_PLACE, {**_key(receiver), "number": number})


async def forget(unit: Unit, receiver: Receiver) -> None:
    """Delete all that is known of a receiver that there is no more."""
    for statement in _FORGET:
        await unit.connection.execute(statement, _key(receiver))


async def accepted(unit: Unit, receiver: Receiver, number: int, next_try_at: datetime) -> None:
    """The receiver has accepted the events up to that one.

    If that is not all, the next ones are due at that time, unless they are delivered by then.
    """
    parameters = {**_key(receiver), "number": number}
    await unit.connection.execute(_ADVANCE, parameters)
    if not await settle(unit, receiver, number):
        await schedule(unit, receiver, next_try_at)


async def settle(unit: Unit, receiver: Receiver, number: int) -> bool:
    """The receiver has accepted the events up to that one: whether nothing is due any more.

    A relay may note what was accepted in the meantime, so that this is also said before deliveries.
    """
    done = await unit.connection.execute(_DONE, {**_key(receiver), "number": number})
    return bool(done.rowcount)


async def schedule(unit: Unit, receiver: Receiver, next_try_at: datetime) -> None:
    """Nothing is due before that time: until then the receiver does not count as late."""
    await unit.connection.execute(_SCHEDULE, {**_key(receiver), "next_try_at": next_try_at})


async def forget_due(unit: Unit, receiver: Receiver) -> None:
    """Nothing is due, although the receiver is behind."""
    await unit.connection.execute(_FORGET_DUE, _key(receiver))


async def note_due(unit: Unit, due: Sequence[Due], *, grace_seconds: float = GRACE_SECONDS) -> None:
    """Record that these receivers are behind, until they accept the event. They are due after the grace
    period, which leaves time for the jobs that were queued for them.
    """
    newest: dict[Receiver, int] = {}
    for each in due:
        newest[each.receiver] = max(newest.get(each.receiver, 0), each.number)
    if newest:
        user_ids = list({receiver.user_id for receiver in newest})
        accepted = await unit.connection.execute(_ACCEPTED, {"user_ids": user_ids})
        for user_id, sink, receiver_id, number in accepted:
            receiver = Receiver(sink, user_id, receiver_id)
            if newest.get(receiver, number + 1) <= number:
                del newest[receiver]
    if newest:
        await unit.connection.execute(
            _NOTE_DUE,
            {
                "user_ids": [receiver.user_id for receiver in newest],
                "sinks": [receiver.sink for receiver in newest],
                "receiver_ids": [receiver.receiver_id for receiver in newest],
                "numbers": list(newest.values()),
                "grace": grace_seconds,
            },
        )


# ================================================================ who is behind


async def due(
    db: Database, sink: str, limit: int, *, longest_pause_seconds: float
) -> list[Receiver]:
    """The receivers of a sink that are behind and whose next try is due, the longest waiting first.

    Each is due again after a pause, which is half as long as the receiver has been behind, up to
    `longest_pause_seconds`. Several relays may be given the same receiver.
    """
    parameters = {"sink": sink, "limit": limit}
    rows = (await db.read(lambda connection: connection.execute(_DUE, parameters))).all()
    if not rows:
        return []
    shortest, longest = timedelta(seconds=GRACE_SECONDS), timedelta(seconds=longest_pause_seconds)
    # A statement each, in the order of the key, in which `_NOTE_DUE` takes its rows too: one statement
    # for all would lock them in whatever order its plan has, and deadlock.
    ordered = sorted(rows, key=lambda row: (row.user_id, row.receiver_id))

    async def postpone(unit: Unit) -> None:
        await unit.connection.execute(
            _POSTPONE,
            [
                {
                    "user_id": row.user_id,
                    "sink": sink,
                    "receiver_id": row.receiver_id,
                    "next_try_at": row.now + min(max((row.now - row.since) / 2, shortest), longest),
                }
                for row in ordered
            ],
        )

    await unit_of_work.run(db, postpone)
    return [Receiver(sink, row.user_id, row.receiver_id) for row in rows]


async def lag(db: Database) -> dict[str, Lag]:
    """How far behind each sink is, by its name; a sink without a receiver that is behind is left out."""
    rows = await db.read(lambda connection: connection.execute(_LAG))
    return {row.sink: Lag(row.receivers, max(float(row.oldest_age_seconds), 0.0)) for row in rows}


def _key(receiver: Receiver) -> dict[str, object]:
    return {
        "user_id": receiver.user_id,
        "sink": receiver.sink,
        "receiver_id": receiver.receiver_id,
    }
