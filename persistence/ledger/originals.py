"""Transactions to be reversed: whose they are, and what was reversed of them so far."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from domain.ledger.reversals import Original, OriginalOf, Target
from persistence.engine import pipeline
from persistence.engine.database import Database
from persistence.engine.pipeline import Query, Rows, Statement
from persistence.ledger import entry_rows

_ENTRY = ", ".join(f"t.{column}" for column in entry_rows.COLUMNS.split(", "))
_WIDTH = entry_rows.COLUMNS.count(",") + 1
# The reversals of a transaction are in the same two ledgers: each is read from one of them alone.
_ORIGINALS = f"""
SELECT {_ENTRY},
    coalesce(sum(r.amount - coalesce(r.fee_refunded, 0)), 0)::bigint,
    coalesce(sum(r.amount - r.fee_refunded), 0)::bigint,
    coalesce(sum(r.fee_refunded), 0)::bigint
FROM unnest($1::uuid[], $2::uuid[]) AS asked (user_id, reference)
JOIN transactions AS t ON t.user_id = asked.user_id AND t.reference = asked.reference
LEFT JOIN transactions AS r ON r.user_id = t.user_id AND r.reverses = t.reference
GROUP BY t.user_id, t.sequence
""".encode()  # noqa: S608
_TARGET = Query(
    "SELECT user_id FROM transactions WHERE reference = :reference ORDER BY user_id LIMIT 2"
)
_REVERSED = Query(
    """
SELECT asked.user_id, asked.reference, sum(r.amount - coalesce(r.fee_refunded, 0))::bigint
FROM unnest(CAST(:user_ids AS uuid[]), CAST(:refs AS uuid[])) AS asked (user_id, reference)
JOIN transactions AS r ON r.user_id = asked.user_id AND r.reverses = asked.reference
GROUP BY asked.user_id, asked.reference
"""
)


def originals(asked: Sequence[OriginalOf]) -> Statement:
    """The entries, and the sums of their reversals."""
    array = pipeline.array
    return _ORIGINALS, (array(a.user_id for a in asked), array(a.reference for a in asked))


def read_originals(rows: Rows) -> dict[OriginalOf, Original]:
    """By look-up, what `originals` asked for."""
    found = {}
    for row in rows:
        entry = entry_rows.from_row(row[:_WIDTH])
        found[OriginalOf(entry.user_id, entry.reference)] = Original(entry, *row[_WIDTH:])
    return found


async def find(db: Database, reference: UUID) -> Target | None:
    """The transaction with that reference, of any users; None if there is none. Raises Unavailable."""
    rows = await db.rows(_TARGET.bind(reference=reference))
    return Target(reference, tuple(user_id for (user_id,) in rows)) if rows else None


async def reversed_minor(
    db: Database, asked: Collection[tuple[UUID, UUID]]
) -> dict[tuple[UUID, UUID], int]:
    """What was reversed so far, by the user in whose ledger it is and the reference of the original.

    One query; those without reversals are left out. Raises Unavailable.
    """
    statement = _REVERSED.bind(
        user_ids=[user_id for user_id, _ in asked], refs=[reference for _, reference in asked]
    )
    return {(user_id, reference): amount for user_id, reference, amount in await db.rows(statement)}
