"""Facts of the provider that match no top-up: for operators, since no rule says what to do about them."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from sqlalchemy import text

from persistence.engine import unit_of_work
from persistence.engine.database import Database
from persistence.engine.unit_of_work import Unit

#: For so long operators are reminded of one.
REPORTED_FOR = timedelta(days=30)
#: For so long one is kept.
KEPT = timedelta(days=400)

# The same fact may come again, with another event or without one.
_RECORD = text(
    """
    INSERT INTO top_up_mismatches (provider, source_id, reason, user_id, top_up_id, amount, currency)
    VALUES (:provider, :source_id, :reason, :user_id, :top_up_id, :amount, :currency)
    ON CONFLICT DO NOTHING
    """
)
_COUNT = text(
    "SELECT count(*) FROM top_up_mismatches WHERE seen_at > now() - CAST(:reported_for AS interval)"
)
_DELETE = text(
    "DELETE FROM top_up_mismatches AS old USING ("
    "SELECT provider, source_id, reason FROM top_up_mismatches "
    "WHERE seen_at < now() - CAST(:kept AS interval) LIMIT :batch) AS chosen "
    "WHERE old.provider = chosen.provider AND old.source_id = chosen.source_id "
    "AND old.reason = chosen.reason"
)


async def record(
    db: Database,
    *,
    provider: str,
    source_id: str,
    reason: str,
    user_id: UUID | None,
    top_up_id: UUID | None,
    amount_minor: int | None,
    currency: str | None,
) -> bool:
    """Keep it. Whether it is new."""

    async def work(unit: Unit) -> bool:
        parameters = {
            "provider": provider,
            "source_id": source_id[:255],
            "reason": reason,
            "user_id": user_id,
            "top_up_id": top_up_id,
            "amount": amount_minor,
            "currency": None if currency is None else currency[:8],
        }
        return (await unit.connection.execute(_RECORD, parameters)).rowcount == 1

    return await unit_of_work.run(db, work)


async def count(db: Database) -> int:
    """How many were seen lately."""
    parameters = {"reported_for": REPORTED_FOR}
    found: int = await db.read(lambda connection: connection.scalar(_COUNT, parameters))
    return found


async def delete_old(db: Database, batch: int) -> int:
    """Delete those that have been kept long enough; says how many."""

    async def work(unit: Unit) -> int:
        done = await unit.connection.execute(_DELETE, {"kept": KEPT, "batch": batch})
        return done.rowcount

    return await unit_of_work.run(db, work)
