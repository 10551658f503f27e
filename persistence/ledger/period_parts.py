"""What the totals of a period consist of: set-based, by index, and of one ledger.

All of it is read up to a sequence, and therefore of the same entries as the totals (`period_totals`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.statements.insights import Flow, People
from domain.statements.periods import Period
from domain.statements.statements import Totals
from persistence import tables
from persistence.engine.database import Database

_INSTANTS = ARRAY(tables.INSTANT)
_FLOW = """
    CAST(coalesce(sum(amount) FILTER (WHERE direction = 'incoming'), 0) AS bigint) AS incoming,
    CAST(coalesce(sum(amount) FILTER (WHERE direction = 'outgoing'), 0) AS bigint) AS outgoing,
    CAST(sum(fee) AS bigint) AS fees, count(*) AS entries
"""
_FLOWS = text(
    f"""
SELECT part.number, {_FLOW}
FROM unnest(CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[]))
    WITH ORDINALITY AS part (starts_at, ends_at, number)
JOIN transactions ON user_id = :user_id AND sequence <= :through
    AND created_at >= part.starts_at AND created_at < part.ends_at
GROUP BY part.number
"""  # noqa: S608
).bindparams(bindparam("starts", type_=_INSTANTS), bindparam("ends", type_=_INSTANTS))
_BALANCES = text(
    """
SELECT point.number, (
    SELECT balance_after FROM transactions
    WHERE user_id = :user_id AND created_at < point.instant AND sequence <= :through
    ORDER BY created_at DESC, sequence DESC LIMIT 1
) AS balance
FROM unnest(CAST(:instants AS timestamptz[])) WITH ORDINALITY AS point (instant, number)
ORDER BY point.number
"""
).bindparams(bindparam("instants", type_=_INSTANTS))
_PEOPLE = text(
    f"""
SELECT counterparty_id, {_FLOW}, count(*) OVER () AS people
FROM transactions
WHERE user_id = :user_id AND sequence > :after AND sequence <= :through AND counterparty_id IS NOT NULL
GROUP BY counterparty_id
ORDER BY sum(amount) DESC, counterparty_id
LIMIT :first
"""  # noqa: S608
)


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of the totals of a period."""

    #: By the place of the period, from 0; those without entries are left out.
    flows: Mapping[int, Flow]
    #: At each instant, in minor units.
    balances: Sequence[int]
    people: People


async def read(
    db: Database,
    user_id: UUID,
    totals: Totals,
    periods: Sequence[Period],
    instants: Sequence[datetime],
    *,
    people: int,
) -> Parts:
    """The flows of the periods, the balances before the instants, and the people with the most money."""
    reach = {"user_id": user_id, "through": totals.through}
    starts, ends = [each.start for each in periods], [each.end for each in periods]
    # At least one row, which also has the number of people.
    listed = reach | {"after": totals.after, "first": max(people, 1)}

    async def work(connection: AsyncConnection) -> Parts:
        flows = await connection.execute(_FLOWS, reach | {"starts": starts, "ends": ends})
        by_place = {row.number - 1: _flow(row) for row in flows}
        balances = await connection.execute(_BALANCES, reach | {"instants": list(instants)})
        amounts = [row.balance or 0 for row in balances]
        found = (await connection.execute(_PEOPLE, listed)).all()
        return Parts(
            by_place,
            amounts,
            People(
                {row.counterparty_id: _flow(row) for row in found[:people]},
                found[0].people if found else 0,
            ),
        )

    return await db.read(work)


def _flow(row: Row[Any]) -> Flow:
    return Flow(row.incoming, row.outgoing, row.fees, row.entries)
