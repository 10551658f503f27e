"""Which users a user has paid, and which of them can be confused with another user."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from domain.people import skeletons
from domain.people.accounts import Person
from domain.people.recipient_checks import Payments
from persistence.engine.database import Database
from persistence.engine.pipeline import Query
from persistence.ledger import history

#: Up to this many users with the same skeleton, each is looked for among those that the viewer has paid. If
#: there are more, such as namesakes of a common name, those whom the viewer has paid are looked through.
MAXIMUM_NAMESAKES = 500
#: At most this many lookalikes are told.
MAXIMUM_LOOKALIKES = 20

# By the index alone, which has the kind and the direction.
_PAID = Query(
    """
SELECT paid.times, t.created_at
FROM (
    SELECT count(*) AS times, max(sequence) AS newest FROM transactions
    WHERE user_id = :user_id AND counterparty_id = :counterparty_id
        AND kind = 'transfer' AND direction = 'outgoing'
) AS paid
LEFT JOIN transactions AS t ON t.user_id = :user_id AND t.sequence = paid.newest
"""
)
_NAMESAKES = Query(
    "SELECT user_id FROM name_skeletons WHERE digest = ANY(CAST(:digests AS bytea[])) LIMIT :limit"
)
_PAID_AMONG = Query(
    """
SELECT asked.id
FROM unnest(CAST(:user_ids AS uuid[])) AS asked (id), LATERAL (
    SELECT 1 FROM transactions
    WHERE user_id = :user_id AND counterparty_id = asked.id
        AND kind = 'transfer' AND direction = 'outgoing'
    LIMIT 1
) AS paid
LIMIT :limit
"""
)
_NAMESAKES_AMONG = Query(
    "SELECT DISTINCT user_id FROM name_skeletons "
    "WHERE user_id = ANY(CAST(:user_ids AS uuid[])) AND digest = ANY(CAST(:digests AS bytea[]))"
)


async def payments(db: Database, user_id: UUID, counterparty_id: UUID) -> Payments:
    """The transfers that the user has sent to that counterparty."""
    query = _PAID.bind(user_id=user_id, counterparty_id=counterparty_id)
    [(times, last_at)] = await db.rows(query)
    return Payments(times, last_at)


async def among_paid(db: Database, user_id: UUID, person: Person) -> Collection[UUID]:
    """The users that the user has paid and whose name or handle can be confused with that of the person."""
    digests = list(skeletons.keys(person.name, person.handle))
    limit = MAXIMUM_NAMESAKES + 1
    namesakes = await db.rows(_NAMESAKES.bind(digests=digests, limit=limit))
    if len(namesakes) < limit:
        candidates = {row[0] for row in namesakes}
    else:
        met = await history.counterparties(db, user_id)
        found = await db.rows(_NAMESAKES_AMONG.bind(user_ids=met, digests=digests))
        candidates = {row[0] for row in found}
    candidates -= {user_id, person.user_id}
    if not candidates:
        return ()
    paid = _PAID_AMONG.bind(user_id=user_id, user_ids=list(candidates), limit=MAXIMUM_LOOKALIKES)
    return [row[0] for row in await db.rows(paid)]
