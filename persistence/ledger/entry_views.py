"""Ledger entries together with the counterparties that they name."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from domain.ledger.metadata import Pair
from domain.ledger.transfers import Entry
from domain.people.accounts import Person
from persistence.engine.database import Database
from persistence.engine.pipeline import Query
from persistence.ledger import entry_rows, history
from persistence.people import persons

#: A user, and the sequence of the last entry that is known.
Position = tuple[UUID, int]
#: How users are found by their ids; unknown ids are left out.
FindPeople = Callable[[Collection[UUID]], Awaitable[Mapping[UUID, Person]]]
#: How the metadata of entries is found, by user and sequence.
FindMetadata = Callable[[Collection[Position]], Awaitable[Mapping[Position, Sequence[Pair]]]]

# Sequences have no gaps, so that the bound is a page; on a damaged ledger it is less than one.
_COLUMNS = ", ".join(f"t.{column}" for column in entry_rows.COLUMNS.split(", "))
_AFTER = Query(
    f"""
SELECT asked.position, {_COLUMNS}
FROM unnest(CAST(:user_ids AS uuid[]), CAST(:positions AS bigint[])) AS asked (user_id, position)
JOIN transactions AS t ON t.user_id = asked.user_id
    AND t.sequence > asked.position AND t.sequence <= asked.position + :limit
ORDER BY t.user_id, t.sequence
"""  # noqa: S608
)


@dataclass(frozen=True, slots=True)
class EntryView:
    """A ledger entry, its counterparty as they are now, and its metadata."""

    entry: Entry
    counterparty: Person | None
    metadata: Sequence[Pair] = ()


async def of(
    entries: Sequence[Entry], find_people: FindPeople, find_metadata: FindMetadata
) -> list[EntryView]:
    """The entries in the same order: one call for all counterparties, one for all metadata."""
    named = {entry.counterparty_id for entry in entries if entry.counterparty_id is not None}
    people = await find_people(named) if named else {}
    carrying = [(e.user_id, e.sequence) for e in entries if e.metadata_digest is not None]
    metadata = await find_metadata(carrying) if carrying else {}
    return [
        EntryView(
            entry,
            people.get(entry.counterparty_id) if entry.counterparty_id else None,
            metadata.get((entry.user_id, entry.sequence), ()),
        )
        for entry in entries
    ]


async def after(
    db: Database, positions: Collection[Position], limit: int
) -> dict[Position, list[EntryView]]:
    """The next entries after each position, at most `limit` each, in sequence; two queries in all.

    A position without further entries is left out, and so is an entry of a kind that this release does
    not know. Raises Unavailable.
    """
    rows = await db.rows(
        _AFTER.bind(
            user_ids=[user_id for user_id, _ in positions],
            positions=[sequence for _, sequence in positions],
            limit=limit,
        )
    )
    read: list[tuple[int, Entry]] = []
    for position, *columns in rows:
        with contextlib.suppress(entry_rows.UnknownKind):
            read.append((position, entry_rows.from_row(columns)))
    views = await of(
        [entry for _, entry in read], partial(persons.by_ids, db), partial(history.metadata, db)
    )
    found: dict[Position, list[EntryView]] = {}
    for (position, entry), view in zip(read, views, strict=True):
        found.setdefault((entry.user_id, position), []).append(view)
    return found
