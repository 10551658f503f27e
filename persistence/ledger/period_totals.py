"""What an account ledger has between two instants: totals and entries, by index.

`created_at` never goes back along the sequence, and entries are never changed. So reading up to a
sequence gives the same at any later time, without a transaction that stays open.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from domain.ledger.transfers import Entry
from domain.statements.statements import Totals
from persistence.engine.database import Database
from persistence.ledger import entry_rows

_MAXIMUM_SEQUENCE = 2**63 - 1

_TOTALS = text(
    """
SELECT period.entries, period.incoming, period.outgoing, period.fees,
    coalesce(before.sequence, 0) AS before, coalesce(before.balance_after, 0) AS opening,
    coalesce(last.balance_after, before.balance_after, 0) AS closing, last.seal
FROM (
    SELECT count(*) AS entries, max(sequence) AS last,
        CAST(coalesce(sum(amount) FILTER (WHERE direction = 'incoming'), 0) AS bigint) AS incoming,
        CAST(coalesce(sum(amount) FILTER (WHERE direction = 'outgoing'), 0) AS bigint) AS outgoing,
        CAST(coalesce(sum(fee), 0) AS bigint) AS fees
    FROM transactions
    WHERE user_id = :user_id AND created_at >= :start AND created_at < :end AND sequence <= :through
) AS period
LEFT JOIN (
    SELECT sequence, balance_after FROM transactions
    WHERE user_id = :user_id AND created_at < :start AND sequence <= :through
    ORDER BY created_at DESC, sequence DESC LIMIT 1
) AS before ON true
LEFT JOIN transactions AS last ON last.user_id = :user_id AND last.sequence = period.last
"""
)
_ENTRIES = text(
    f"SELECT {entry_rows.COLUMNS} FROM transactions "  # noqa: S608
    "WHERE user_id = :user_id AND sequence > :after AND sequence <= :through "
    "ORDER BY sequence LIMIT :limit"
)


async def totals(
    db: Database,
    user_id: UUID,
    start: datetime,
    end: datetime,
    *,
    through: int = _MAXIMUM_SEQUENCE,
) -> Totals:
    """The totals of the entries from `start` on and before `end`, up to the sequence `through`.

    One statement, and therefore one snapshot.
    """
    parameters = {"user_id": user_id, "start": start, "end": end, "through": through}
    found = await db.read(lambda connection: connection.execute(_TOTALS, parameters))
    row = found.one()
    return Totals(
        opening_minor=row.opening,
        incoming_minor=row.incoming,
        outgoing_minor=row.outgoing,
        fees_minor=row.fees,
        closing_minor=row.closing,
        count=row.entries,
        through=row.before + row.entries,
        seal=row.seal,
    )


async def entries(
    db: Database, user_id: UUID, *, after: int, through: int, limit: int
) -> Sequence[Entry]:
    """The next entries after a sequence, up to another one, in sequence."""
    parameters = {"user_id": user_id, "after": after, "through": through, "limit": limit}
    found = await db.read(lambda connection: connection.execute(_ENTRIES, parameters))
    return [entry_rows.from_row(row) for row in found]
