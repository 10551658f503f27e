"""The account ledger of a user: single entries, contacts and past balances."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ledger.kinds import Kind
from domain.ledger.metadata import Pair
from domain.ledger.transfers import Entry
from domain.people.accounts import Person
from persistence import tables
from persistence.engine.database import Database
from persistence.engine.pipeline import Query
from persistence.ledger import entry_rows
from persistence.people import persons

#: At most this many counterparties of a user are considered as contacts.
MAXIMUM_COUNTERPARTIES = 10_000
_LATEST_ENTRIES = 1_000
_MAXIMUM_SEQUENCE = 2**63 - 1

_entries_table = tables.transactions.c
_ENTRY = [_entries_table[name] for name in entry_rows.COLUMNS.split(", ")]

# From one counterparty to the next by the index, without reading the entries in between: a "loose index
# scan" (wiki.postgresql.org/wiki/Loose_indexscan).
_SKIP_SCAN = """
WITH RECURSIVE met (counterparty_id, sequence, number) AS (
    (
        SELECT counterparty_id, sequence, 1 FROM transactions
        WHERE user_id = :user_id AND counterparty_id IS NOT NULL
        ORDER BY counterparty_id DESC, sequence DESC LIMIT 1
    )
    UNION ALL
    SELECT next.counterparty_id, next.sequence, met.number + 1
    FROM met, LATERAL (
        SELECT counterparty_id, sequence FROM transactions
        WHERE user_id = :user_id AND counterparty_id < met.counterparty_id
        ORDER BY counterparty_id DESC, sequence DESC LIMIT 1
    ) AS next
    WHERE met.number < :most
)
"""
_IS_NOT_BLOCKED = (
    "NOT EXISTS (SELECT FROM blocks AS b WHERE b.user_id = :user_id "
    "AND b.other_id = counterparty_id AND b.role = 'blocker')"
)
_CONTACTS = text(
    f"{_SKIP_SCAN} SELECT counterparty_id FROM met WHERE {_IS_NOT_BLOCKED} "  # noqa: S608
    "ORDER BY sequence DESC LIMIT :first"
)
_COUNTERPARTIES = Query(f"{_SKIP_SCAN} SELECT counterparty_id FROM met")  # noqa: S608
_LATEST_CONTACTS = text(
    "SELECT counterparty_id FROM ("  # noqa: S608
    "SELECT counterparty_id, sequence FROM transactions WHERE user_id = :user_id "
    "ORDER BY sequence DESC LIMIT :entries"
    f") AS latest WHERE counterparty_id IS NOT NULL AND {_IS_NOT_BLOCKED} "
    "GROUP BY counterparty_id ORDER BY max(sequence) DESC LIMIT :first"
)
_NEWEST = Query("SELECT id, sequence FROM users WHERE id = ANY(:user_ids)")
_NEWER = Query(
    """
SELECT u.id, u.sequence
FROM unnest(CAST(:user_ids AS uuid[]), CAST(:sequences AS bigint[])) AS seen (user_id, sequence)
JOIN users AS u ON u.id = seen.user_id AND u.sequence > seen.sequence
"""
)
_METADATA = Query(
    """
SELECT m.user_id, m.sequence, m.key, m.value
FROM unnest(CAST(:user_ids AS uuid[]), CAST(:sequences AS bigint[])) AS asked (user_id, sequence)
JOIN transaction_metadata AS m ON m.user_id = asked.user_id AND m.sequence = asked.sequence
ORDER BY m.user_id, m.sequence, m.position
"""
)
_BALANCE_AT = text(
    "SELECT balance_after FROM transactions WHERE user_id = :user_id AND created_at <= :instant "
    "ORDER BY created_at DESC, sequence DESC LIMIT 1"
)


# ================================================================ single entries


async def entries_by_ids(
    db: Database, ids: Collection[tuple[UUID, int]]
) -> dict[tuple[UUID, int], Entry]:
    """The entries by user and sequence, in one query; unknown ones are left out."""
    wanted = [key for key in ids if 0 < key[1] <= _MAXIMUM_SEQUENCE]
    if not wanted:
        return {}
    query = select(*_ENTRY).where(
        sqlalchemy.tuple_(_entries_table.user_id, _entries_table.sequence).in_(wanted)
    )
    found = await _entries(db, query)
    return {(each.user_id, each.sequence): each for each in found}


async def entry_by_key(db: Database, user_id: UUID, kind: Kind, key: str) -> Entry | None:
    """The entry that was posted with this key of the user; None if there is none (yet)."""
    query = select(*_ENTRY).where(
        _entries_table.user_id == user_id,
        _entries_table.kind == kind.value,
        _entries_table.idempotency_key == key,
    )
    found = await _entries(db, query)
    return found[0] if found else None


async def entry_by_reference(db: Database, user_id: UUID, reference: UUID) -> Entry | None:
    """The user's own entry with that reference; None if there is none."""
    found = await _entries(
        db,
        select(*_ENTRY).where(
            _entries_table.user_id == user_id, _entries_table.reference == reference
        ),
    )
    return found[0] if found else None


async def entries_by_references(
    db: Database, wanted: Collection[tuple[UUID, UUID]]
) -> dict[tuple[UUID, UUID], Entry]:
    """The entries by user and reference, in one query; unknown ones are left out."""
    if not wanted:
        return {}
    query = select(*_ENTRY).where(
        sqlalchemy.tuple_(_entries_table.user_id, _entries_table.reference).in_(wanted)
    )
    found = await _entries(db, query)
    return {(each.user_id, each.reference): each for each in found}


async def _entries(db: Database, query: sqlalchemy.Select[Any]) -> list[Entry]:
    found = await db.read(lambda connection: connection.execute(query))
    return [entry_rows.from_row(row) for row in found]


async def metadata(
    db: Database, ids: Collection[tuple[UUID, int]]
) -> dict[tuple[UUID, int], tuple[Pair, ...]]:
    """The metadata of the entries by user and sequence, in one query; entries without any are left out."""
    rows = await db.rows(
        _METADATA.bind(
            user_ids=[user_id for user_id, _ in ids], sequences=[sequence for _, sequence in ids]
        )
    )
    found: dict[tuple[UUID, int], tuple[Pair, ...]] = {}
    for user_id, sequence, key, value in rows:
        entry = user_id, sequence
        found[entry] = (*found.get(entry, ()), (key, value))
    return found


# ================================================================ account ledgers


async def newest_sequences(db: Database, user_ids: Collection[UUID]) -> dict[UUID, int]:
    """The sequence of each user's newest entry, in one query; unknown ids are left out."""
    if not user_ids:
        return {}
    return dict(await db.rows(_NEWEST.bind(user_ids=user_ids)))


async def newer_sequences(db: Database, seen: Mapping[UUID, int]) -> dict[UUID, int]:
    """The sequence of each user's newest entry where it is greater than the given one, in one query."""
    if not seen:
        return {}
    return dict(await db.rows(_NEWER.bind(user_ids=seen.keys(), sequences=seen.values())))


async def balance_at(db: Database, user_id: UUID, instant: datetime) -> int:
    """The balance in minor units at that instant; 0 before the first entry."""
    parameters = {"user_id": user_id, "instant": instant}
    balance: int | None = await db.read(lambda c: c.scalar(_BALANCE_AT, parameters))
    return balance or 0


async def counterparties(db: Database, user_id: UUID) -> list[UUID]:
    """The users that the user exchanged money with: at most `MAXIMUM_COUNTERPARTIES`, in no order."""
    query = _COUNTERPARTIES.bind(user_id=user_id, most=MAXIMUM_COUNTERPARTIES)
    return [row[0] for row in await db.rows(query)]


async def contacts(db: Database, user_id: UUID, first: int) -> list[Person]:
    """The users that the user exchanged money with and has not blocked, most recent first."""

    async def work(connection: AsyncConnection) -> Sequence[UUID]:
        parameters = {"user_id": user_id, "first": first}
        latest = await connection.scalars(
            _LATEST_CONTACTS, {**parameters, "entries": _LATEST_ENTRIES}
        )
        if len(ids := latest.all()) == first:
            return ids
        most = {**parameters, "most": MAXIMUM_COUNTERPARTIES}
        return (await connection.scalars(_CONTACTS, most)).all()

    ids = await db.read(work) if first > 0 else []
    people = await persons.by_ids(db, ids)
    return [people[each] for each in ids if each in people]
