"""What the provider took back of payments: recorded, looked up and changed in ledger commits, and due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from domain import ids
from domain.top_ups.provider import Source, TakenBack
from domain.top_ups.reversing import (
    BARRED,
    Reversal,
    ReversalChanged,
    ReversalOf,
    ReversalPosted,
    Status,
    TopUpChanged,
)
from domain.top_ups.top_ups import TopUp
from persistence.engine import pipeline, unit_of_work
from persistence.engine.database import Database
from persistence.engine.pipeline import Rows, Statement
from persistence.engine.unit_of_work import Unit
from persistence.people import persons, restrictions
from persistence.top_ups import operators

# ================================================================ outside of ledger commits

_RECORD = text(
    """
    INSERT INTO top_up_reversals (user_id, id, top_up_id, source, source_id, amount, status, created_at)
    VALUES (:user_id, :id, :top_up_id, :source, :source_id, :amount, :status, :now)
    ON CONFLICT DO NOTHING
    """
)
_RETURN = text(
    "UPDATE top_up_reversals SET status = 'RETURNED' "
    "WHERE user_id = :user_id AND source_id = :source_id AND status = 'WAITING'"
)
_FIND = text("SELECT * FROM top_up_reversals WHERE user_id = :user_id AND source_id = :source_id")
_GET = text("SELECT * FROM top_up_reversals WHERE user_id = :user_id AND id = :id")
_SHORTEN = text(
    "UPDATE top_up_reversals SET is_short = true WHERE user_id = :user_id AND id = :id "
    "AND status = 'WAITING' AND NOT is_short "
    "AND EXISTS (SELECT FROM users AS u WHERE u.id = :user_id AND u.closed_at IS NOT NULL)"
)
_WAITING = text(
    """
    SELECT r.* FROM top_up_reversals AS r
    JOIN top_ups AS t ON t.user_id = r.user_id AND t.id = r.top_up_id AND t.sequence IS NOT NULL
    WHERE r.user_id = :user_id AND r.top_up_id = :top_up_id AND r.status = 'WAITING' ORDER BY r.id
    """
)
# What each takes: at most what is left of the payment, of which others may have taken some.
_TAKING = """
WITH waiting AS (SELECT * FROM top_up_reversals WHERE status = 'WAITING'),
credits AS (
    SELECT w.user_id, w.top_up_id, t.reference
    FROM waiting AS w JOIN top_ups AS t ON t.user_id = w.user_id AND t.id = w.top_up_id
    WHERE t.reference IS NOT NULL
    UNION
    SELECT w.user_id, w.top_up_id, r.returned_reference
    FROM waiting AS w
    JOIN top_up_reversals AS r ON r.user_id = w.user_id AND r.top_up_id = w.top_up_id
    WHERE r.returned_reference IS NOT NULL
),
payments AS (
    SELECT c.user_id, c.top_up_id,
        sum(CASE WHEN t.reverses IS NULL THEN t.amount ELSE -t.amount END) AS remaining
    FROM credits AS c
    JOIN transactions AS t
        ON t.user_id = c.user_id AND (t.reference = c.reference OR t.reverses = c.reference)
    GROUP BY c.user_id, c.top_up_id
),
taking AS (
    SELECT w.user_id, w.top_up_id, w.is_short, u.balance, u.closed_at,
        least(w.amount, p.remaining)::bigint AS amount
    FROM waiting AS w
    JOIN payments AS p ON p.user_id = w.user_id AND p.top_up_id = w.top_up_id
    JOIN users AS u ON u.id = w.user_id
)
"""
_DUE = text(
    f"{_TAKING} SELECT DISTINCT user_id, top_up_id FROM taking "  # noqa: S608
    "WHERE NOT is_short OR (balance >= amount AND closed_at IS NULL) LIMIT :limit"
)
_SHORT = text(
    f"{_TAKING} SELECT count(*) AS reversals, coalesce(sum(amount), 0)::bigint AS amount "  # noqa: S608
    "FROM taking WHERE is_short"
)


@dataclass(frozen=True, slots=True)
class Shortfall:
    """The reversals that no balance covers: how many, and how much in minor units."""

    count: int
    amount_minor: int


async def record(db: Database, top_up: TopUp, fact: TakenBack) -> Reversal:
    """Keep it, once. What was returned before it was taken has never to be taken."""

    async def work(unit: Unit) -> Reversal:
        await persons.lock_all(unit, [top_up.user_id])
        parameters = {
            "user_id": top_up.user_id,
            "id": ids.new_id(),
            "top_up_id": top_up.top_up_id,
            "source": fact.source.value,
            "source_id": fact.source_id,
            "amount": fact.amount_minor,
            "status": (Status.RETURNED if fact.is_returned else Status.WAITING).value,
            "now": await unit.clock(),
        }
        await unit.connection.execute(_RECORD, parameters)
        if fact.is_returned:
            await unit.connection.execute(_RETURN, parameters)
        return _reversal((await unit.connection.execute(_FIND, parameters)).one())

    return await unit_of_work.run(db, work)


async def mark_short(db: Database, reversal: Reversal) -> bool:
    """No balance will cover it, for the account is closed: tell operators, once. Whether that is new.

    If the account is reopened, it is restricted.
    """

    async def work(unit: Unit) -> bool:
        told = await operators.lock_with(unit, reversal.user_id)
        names = {"user_id": reversal.user_id, "id": reversal.reversal_id}
        if (await unit.connection.execute(_SHORTEN, names)).rowcount == 0:
            return False
        await restrictions.bar_closed(unit, reversal.user_id, BARRED)
        await operators.mail(unit, told, reversal)
        return True

    return await unit_of_work.run(db, work)


async def get(db: Database, user_id: UUID, reversal_id: UUID) -> Reversal:
    """A reversal, which must exist, as it is now."""
    names = {"user_id": user_id, "id": reversal_id}
    return _reversal((await db.read(lambda connection: connection.execute(_GET, names))).one())


async def waiting(db: Database, user_id: UUID, top_up_id: UUID) -> list[Reversal]:
    """What waits to be taken back of a top-up that is credited."""
    names = {"user_id": user_id, "top_up_id": top_up_id}
    found = await db.read(lambda connection: connection.execute(_WAITING, names))
    return [_reversal(row) for row in found]


async def due(db: Database, limit: int) -> list[tuple[UUID, UUID]]:
    """The top-ups with something to take back that a balance may cover, as pairs of user id and id."""
    found = await db.read(lambda connection: connection.execute(_DUE, {"limit": limit}))
    return [(row.user_id, row.top_up_id) for row in found]


async def shortfall(db: Database) -> Shortfall:
    """What balances owe."""
    row = (await db.read(lambda connection: connection.execute(_SHORT))).one()
    return Shortfall(row.reversals, row.amount)


def _reversal(row: Row[Any]) -> Reversal:
    return Reversal(
        user_id=row.user_id,
        reversal_id=row.id,
        top_up_id=row.top_up_id,
        source=Source(row.source),
        amount_minor=row.amount,
        status=Status(row.status),
        is_short=row.is_short,
        taken_minor=row.taken,
        returned_minor=row.returned,
        returned_reference=row.returned_reference,
    )


# ================================================================ in ledger commits

_STATES = b"""
SELECT r.user_id, r.id, r.top_up_id, r.source, r.amount, r.status, r.is_short, r.taken,
    r.returned, r.returned_reference
FROM unnest($1::uuid[], $2::uuid[]) AS asked (user_id, id)
JOIN top_up_reversals AS r ON r.user_id = asked.user_id AND r.id = asked.id
"""
_CHANGE = b"""
UPDATE top_up_reversals AS r SET status = changed.status, is_short = changed.is_short = 1,
    taken = changed.taken, returned = changed.returned,
    returned_reference = changed.returned_reference
FROM unnest(
    $1::uuid[], $2::uuid[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::uuid[]
) AS changed (user_id, id, status, is_short, taken, returned, returned_reference)
WHERE r.user_id = changed.user_id AND r.id = changed.id AND r.user_id = ANY ($1::uuid[])
"""
_POST = b"""
INSERT INTO top_up_reversal_entries (user_id, reference, reversal_id)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[])
"""
# After the first statement above, which comes before it in each commit.
_CHANGE_TOP_UPS = b"""
UPDATE top_ups AS t SET status = CASE WHEN changed.reversals > 0 THEN 'REVERSED' ELSE 'POSTED' END
FROM (
    SELECT asked.user_id, asked.id, count(r.id) AS reversals
    FROM unnest($1::uuid[], $2::uuid[]) AS asked (user_id, id)
    LEFT JOIN top_up_reversals AS r ON r.user_id = asked.user_id AND r.top_up_id = asked.id
        AND r.status IN ('POSTED', 'COVERED')
    GROUP BY asked.user_id, asked.id
) AS changed
WHERE t.user_id = changed.user_id AND t.id = changed.id AND t.user_id = ANY ($1::uuid[])
"""


def states(asked: Sequence[ReversalOf]) -> Statement:
    """The reversals as they are."""
    return _STATES, _names(asked)


def read_states(rows: Rows) -> dict[ReversalOf, Reversal]:
    """By look-up, the reversals that `states` asked for."""
    return {
        ReversalOf(user_id, reversal_id): Reversal(
            user_id, reversal_id, top_up_id, Source(source), amount_minor, Status(status), *rest
        )
        for user_id, reversal_id, top_up_id, source, amount_minor, status, *rest in rows
    }


def change(effects: Sequence[ReversalChanged]) -> Statement:
    """Store the reversals in their new states, each in its last one."""
    changed = [*{each.reversal.reversal_id: each.reversal for each in effects}.values()]
    array = pipeline.array
    return _CHANGE, (
        array(each.user_id for each in changed),
        array(each.reversal_id for each in changed),
        array(each.status.value for each in changed),
        array(int(each.is_short) for each in changed),
        array(each.taken_minor for each in changed),
        array(each.returned_minor for each in changed),
        array(each.returned_reference for each in changed),
    )


def post(effects: Sequence[ReversalPosted]) -> Statement:
    """Record which entries took money for which reversal."""
    return _POST, (
        pipeline.array(each.user_id for each in effects),
        pipeline.array(each.reference for each in effects),
        pipeline.array(each.reversal_id for each in effects),
    )


def change_top_ups(effects: Sequence[TopUpChanged]) -> Statement:
    """Have the states of top-ups follow from their reversals."""
    return _CHANGE_TOP_UPS, (
        pipeline.array(each.user_id for each in effects),
        pipeline.array(each.top_up_id for each in effects),
    )


def _names(asked: Sequence[ReversalOf]) -> tuple[bytes, bytes]:
    return (
        pipeline.array(each.user_id for each in asked),
        pipeline.array(each.reversal_id for each in asked),
    )
