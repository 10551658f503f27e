"""Up to when the events of a provider have been read, and when to read them again."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text

from persistence.engine import unit_of_work
from persistence.engine.database import Database
from persistence.engine.unit_of_work import Unit

#: The pause after a complete reconciliation, and after one that was not completed.
EVERY = timedelta(days=1)
LEASE = timedelta(minutes=10)
#: How far back the first one reads: as long as Stripe keeps events.
FIRST = timedelta(days=30)
#: Events that began before the last reconciliation and were committed by the provider later.
OVERLAP = timedelta(hours=1)
#: In place of the ids of a user and of a thing: the work is about all of them.
ALL = UUID(int=0)

_REQUEST = text(
    "INSERT INTO top_up_reconciliations (provider, due_at) VALUES (:provider, clock_timestamp()) "
    "ON CONFLICT (provider) DO UPDATE SET due_at = EXCLUDED.due_at"
)
_DUE = text("SELECT 1 FROM top_up_reconciliations WHERE due_at <= now() LIMIT 1")
_LOCK = text("SELECT * FROM top_up_reconciliations WHERE provider = :provider FOR UPDATE")
_UPDATE = text(
    "UPDATE top_up_reconciliations SET due_at = :due_at, through = :through "
    "WHERE provider = :provider"
)
_AGE = text(
    "SELECT extract(epoch FROM clock_timestamp() - through)::float8 FROM top_up_reconciliations "
    "WHERE provider = :provider"
)


async def request(db: Database, provider: str) -> None:
    """Have the job reconcile now: when a relay starts."""

    async def work(unit: Unit) -> None:
        await unit.connection.execute(_REQUEST, {"provider": provider})

    await unit_of_work.run(db, work)


async def due(db: Database, _limit: int) -> list[tuple[UUID, UUID]]:
    """One pair of ids if a reconciliation is due, or none."""
    found = await db.read(lambda connection: connection.scalar(_DUE))
    return [] if found is None else [(ALL, ALL)]


async def begin(db: Database, provider: str) -> tuple[datetime, datetime] | None:
    """From when to read events, and the time now; None if it is not due, or under way."""

    async def work(unit: Unit) -> tuple[datetime, datetime] | None:
        row = (await unit.connection.execute(_LOCK, {"provider": provider})).one_or_none()
        now = await unit.clock()
        if row is None or row.due_at > now:
            return None
        await _update(unit, provider, now + LEASE, row.through)
        return (now - FIRST if row.through is None else row.through - OVERLAP), now

    return await unit_of_work.run(db, work)


async def advance(db: Database, provider: str, through: datetime) -> None:
    """The events until then have been applied, and those after it are being applied."""

    async def work(unit: Unit) -> None:
        row = (await unit.connection.execute(_LOCK, {"provider": provider})).one()
        latest = through if row.through is None else max(through, row.through)
        await _update(unit, provider, await unit.clock() + LEASE, latest)

    await unit_of_work.run(db, work)


async def end(db: Database, provider: str, through: datetime) -> None:
    """The events until then have been applied."""

    async def work(unit: Unit) -> None:
        await _update(unit, provider, through + EVERY, through)

    await unit_of_work.run(db, work)


async def _update(unit: Unit, provider: str, due_at: datetime, through: datetime | None) -> None:
    parameters = {"provider": provider, "due_at": due_at, "through": through}
    await unit.connection.execute(_UPDATE, parameters)


async def age_seconds(db: Database, provider: str) -> float | None:
    """How long ago the last complete reconciliation began; None if there was none."""
    age: float | None = await db.read(
        lambda connection: connection.scalar(_AGE, {"provider": provider})
    )
    return age
