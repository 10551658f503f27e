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
    Reversal,
    ReversalChanged,
    ReversalOf,
    Status,
    TopUpChanged,
)
from domain.top_ups.top_ups import TopUp
from persistence.engine import pipeline, unit_of_work
from persistence.engine.database import Database
from persistence.engine.pipeline import Rows, Statement
from persistence.engine.unit_of_work import Unit
from persistence.people import persons

# ================================================================ outside of ledger commits

_RECORD = text(
    """
    INSERT INTO top_up_reversals (user_id, id, top_up_id, source, source_id, amount, status, created_at)
    VALUES (:user_id, :id, :top_up_id, :source, :source_id, :amount, :status, :now)
    ON CONFLICT DO NOTHING
    """
)
_FIND = text("SELECT * FROM top_up_reversals WHERE user_id = :user_id AND source_id = :source_id")
_SHORTEN = text(
    "UPDATE top_up_reversals SET is_short = true WHERE user_id = :user_id AND id = :id "
    "AND status = 'WAITING' AND NOT is_short"
)
_WAITING = text(
    "SELECT * FROM top_up_reversals WHERE user_id = :user_id AND top_up_id = :top_up_id "
    "AND status = 'WAITING' ORDER BY id"
)
_CREDITS = text(
    """
    SELECT reference FROM top_ups
    WHERE user_id = :user_id AND id = :top_up_id AND reference IS NOT NULL
    UNION ALL
    SELECT returned_reference FROM top_up_reversals
    WHERE user_id = :user_id AND top_up_id = :top_up_id AND returned_reference IS NOT NULL
    """
)
_DUE = text(
    """
    SELECT DISTINCT r.user_id, r.top_up_id FROM top_up_reversals AS r
    JOIN top_ups AS t ON t.user_id = r.user_id AND t.id = r.top_up_id AND t.sequence IS NOT NULL
    JOIN users AS u ON u.id = r.user_id
    WHERE r.status = 'WAITING'
        AND (NOT r.is_short OR (u.balance >= r.amount AND u.closed_at IS NULL))
    LIMIT :limit
    """
)
_SHORT = text(
    "SELECT count(*) AS reversals, coalesce(sum(amount), 0)::bigint AS amount FROM top_up_reversals "
    "WHERE status = 'WAITING' AND is_short"
)


@dataclass(frozen=True, slots=True)
class Shortfall:
    """The reversals that no balance covers: how many, and how much in minor units."""

    count: int
    amount_minor: int


async def record(db: Database, top_up: TopUp, fact: TakenBack) -> Reversal:
    """Keep it, once. What was returned before it was known has never to be taken."""

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
        return _reversal((await unit.connection.execute(_FIND, parameters)).one())

    return await unit_of_work.run(db, work)


async def mark_short(db: Database, reversal: Reversal) -> bool:
    """No balance will cover it: the account is closed. Whether that is new."""

    async def work(unit: Unit) -> bool:
        await persons.lock_all(unit, [reversal.user_id])
        names = {"user_id": reversal.user_id, "id": reversal.reversal_id}
        return (await unit.connection.execute(_SHORTEN, names)).rowcount == 1

    return await unit_of_work.run(db, work)


async def waiting(
    db: Database, user_id: UUID, top_up_id: UUID
) -> tuple[list[Reversal], tuple[UUID, ...]]:
    """What waits to be taken back of a top-up, and the references of what credited it."""
    names = {"user_id": user_id, "top_up_id": top_up_id}
    found = await db.read(lambda connection: connection.execute(_WAITING, names))
    credited = await db.read(lambda connection: connection.execute(_CREDITS, names))
    return [_reversal(row) for row in found], tuple(row.reference for row in credited)


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
        reference=row.reference,
        returned_reference=row.returned_reference,
    )


# ================================================================ in ledger commits

_STATES = b"""
SELECT r.user_id, r.id, r.top_up_id, r.source, r.amount, r.status, r.is_short, r.taken,
    r.reference, r.returned_reference
FROM unnest($1::uuid[], $2::uuid[]) AS asked (user_id, id)
JOIN top_up_reversals AS r ON r.user_id = asked.user_id AND r.id = asked.id
"""
_CHANGE = b"""
UPDATE top_up_reversals AS r SET status = changed.status, is_short = changed.is_short = 1,
    taken = changed.taken, reference = changed.reference,
    returned_reference = changed.returned_reference
FROM unnest(
    $1::uuid[], $2::uuid[], $3::text[], $4::bigint[], $5::bigint[], $6::uuid[], $7::uuid[]
) AS changed (user_id, id, status, is_short, taken, reference, returned_reference)
WHERE r.user_id = changed.user_id AND r.id = changed.id AND r.user_id = ANY ($1::uuid[])
"""
# After the statement above, which comes before it in each commit.
_CHANGE_TOP_UPS = b"""
UPDATE top_ups AS t SET status = CASE WHEN changed.posted > 0 THEN 'REVERSED' ELSE 'POSTED' END
FROM (
    SELECT asked.user_id, asked.id, count(r.id) AS posted
    FROM unnest($1::uuid[], $2::uuid[]) AS asked (user_id, id)
    LEFT JOIN top_up_reversals AS r ON r.user_id = asked.user_id AND r.top_up_id = asked.id
        AND r.status = 'POSTED'
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
        array(each.reference for each in changed),
        array(each.returned_reference for each in changed),
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
