"""The book of a person: its lines, page by page, and who is in it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy
from sqlalchemy import ColumnElement, or_, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as UUID_TYPE
from sqlalchemy.ext.asyncio import AsyncConnection

from domain import errors
from domain import text as texts
from domain.accounts import Person
from domain.paging import Page, PageRequest
from domain.transfers import Direction, Kind, Line
from persistence import lines as rows_of_lines
from persistence import patterns, persons, pipeline, tables
from persistence.database import Database

#: Of somebody who exchanged money with more people than this, so many are looked at for a name.
MAXIMUM_COUNTERPARTIES = 10_000
_LATEST_LINES = 1_000
_MAXIMUM_SEQUENCE = 2**63 - 1

_book = tables.transactions.c
_LINE = [_book[name] for name in rows_of_lines.COLUMNS.split(", ")]

# From one counterparty to the next by the index, without reading the lines in between: a "loose index
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
_NAMED = text(
    f"{_SKIP_SCAN} SELECT u.id FROM met JOIN users AS u ON u.id = met.counterparty_id "  # noqa: S608
    "WHERE u.search_text LIKE :pattern"
)
_CONTACTS = text(
    f"{_SKIP_SCAN} SELECT counterparty_id FROM met ORDER BY sequence DESC LIMIT :first"  # noqa: S608
)
_LATEST_CONTACTS = text(
    "SELECT counterparty_id FROM ("
    "SELECT counterparty_id, sequence FROM transactions WHERE user_id = :user_id "
    "ORDER BY sequence DESC LIMIT :lines"
    ") AS latest WHERE counterparty_id IS NOT NULL "
    "GROUP BY counterparty_id ORDER BY max(sequence) DESC LIMIT :first"
)
_NEWEST = b"SELECT id, sequence FROM users WHERE id = ANY($1::uuid[])"
_BALANCE_AT = text(
    "SELECT balance_after FROM transactions WHERE user_id = :user_id AND created_at <= :instant "
    "ORDER BY created_at DESC, sequence DESC LIMIT 1"
)


@dataclass(frozen=True, slots=True)
class LineFilter:
    """Which lines; None is any. `created_from` is inclusive, `created_after` and `created_before` are
    exclusive; `text` is raw, as it was typed.
    """

    kind: Kind | None = None
    direction: Direction | None = None
    counterparty_id: UUID | None = None
    created_after: datetime | None = None
    created_from: datetime | None = None
    created_before: datetime | None = None
    text: str | None = None


# ================================================================ pages


async def lines(
    db: Database, user_id: UUID, line_filter: LineFilter, page: PageRequest
) -> Page[Line]:
    """A page of the person's lines, the newest first. Cursors are sequences.

    Raises BadUserInput for a cursor that is none.
    """
    after, before = _sequence(page.after), _sequence(page.before)

    async def work(connection: AsyncConnection) -> Page[Line]:
        mine = await _conditions(connection, user_id, line_filter)
        inside = [
            *mine,
            *([_book.sequence < after] if after is not None else []),
            *([_book.sequence > before] if before is not None else []),
        ]
        order = _book.sequence.asc() if page.backward else _book.sequence.desc()
        found = await connection.execute(
            select(*_LINE).where(*inside).order_by(order).limit(page.size + 1)
        )
        read = [rows_of_lines.from_row(row) for row in found]
        has_more, items = len(read) > page.size, read[: page.size]
        newer = after is not None and await _exists(connection, [*mine, _book.sequence >= after])
        older = before is not None and await _exists(connection, [*mine, _book.sequence <= before])
        if page.backward:
            return Page(items[::-1], has_next=older, has_previous=has_more or newer)
        return Page(items, has_next=has_more or older, has_previous=newer)

    return await db.read(work)


def _sequence(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if not (cursor.isascii() and cursor.isdigit() and int(cursor) <= _MAXIMUM_SEQUENCE):
        raise errors.BadUserInput("That cursor is not one of this list: use one that it gave.")
    return int(cursor)


async def _exists(connection: AsyncConnection, conditions: list[ColumnElement[bool]]) -> bool:
    found = await connection.scalar(select(sqlalchemy.literal(1)).where(*conditions).limit(1))
    return found is not None


async def _conditions(
    connection: AsyncConnection, user_id: UUID, line_filter: LineFilter
) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [_book.user_id == user_id]
    if line_filter.kind is not None:
        conditions.append(_book.kind == line_filter.kind.value)
    if line_filter.direction is not None:
        conditions.append(_book.direction == line_filter.direction.value)
    if line_filter.counterparty_id is not None:
        conditions.append(_book.counterparty_id == line_filter.counterparty_id)
    if line_filter.created_after is not None:
        conditions.append(_book.created_at > line_filter.created_after)
    if line_filter.created_from is not None:
        conditions.append(_book.created_at >= line_filter.created_from)
    if line_filter.created_before is not None:
        conditions.append(_book.created_at < line_filter.created_before)
    wanted = texts.search_text(line_filter.text or "")
    if wanted:
        pattern = patterns.contains(wanted)
        named = await connection.scalars(
            _NAMED, {"user_id": user_id, "pattern": pattern, "most": MAXIMUM_COUNTERPARTIES}
        )
        by_name = named.all()
        conditions.append(
            or_(
                _book.note_search_text.like(pattern),
                _book.counterparty_id
                == sqlalchemy.any_(sqlalchemy.literal(by_name, ARRAY(UUID_TYPE))),
            )
        )
    return conditions


# ================================================================ single lines


async def line(db: Database, user_id: UUID, sequence: int) -> Line | None:
    """The line of that number in the person's book."""
    return (await lines_by_ids(db, [(user_id, sequence)])).get((user_id, sequence))


async def lines_by_ids(
    db: Database, ids: Collection[tuple[UUID, int]]
) -> dict[tuple[UUID, int], Line]:
    """The lines by whose book and which number, in one query; unknown ones are left out."""
    wanted = [key for key in ids if 0 < key[1] <= _MAXIMUM_SEQUENCE]
    if not wanted:
        return {}
    query = select(*_LINE).where(sqlalchemy.tuple_(_book.user_id, _book.sequence).in_(wanted))
    found = await _lines(db, query)
    return {(each.user_id, each.sequence): each for each in found}


async def line_by_key(db: Database, user_id: UUID, kind: Kind, key: str) -> Line | None:
    """The line that this key of the person's made; None if it made none (yet)."""
    query = select(*_LINE).where(
        _book.user_id == user_id, _book.kind == kind.value, _book.idempotency_key == key
    )
    found = await _lines(db, query)
    return found[0] if found else None


async def lines_after(db: Database, user_id: UUID, sequence: int, limit: int = 100) -> list[Line]:
    """The person's lines after that number, the oldest first."""
    query = select(*_LINE).where(_book.user_id == user_id, _book.sequence > sequence)
    return await _lines(db, query.order_by(_book.sequence).limit(limit))


async def _lines(db: Database, query: sqlalchemy.Select[Any]) -> list[Line]:
    found = await db.read(lambda connection: connection.execute(query))
    return [rows_of_lines.from_row(row) for row in found]


# ================================================================ about the book


async def newest_sequences(db: Database, user_ids: Collection[UUID]) -> dict[UUID, int]:
    """The sequence of each of those people, in one query; unknown ids are left out."""
    if not user_ids:
        return {}
    return dict(await db.rows(_NEWEST, pipeline.array(user_ids)))


async def balance_at(db: Database, user_id: UUID, instant: datetime) -> int:
    """The balance in minor units as it stood at that instant; 0 before the first line."""
    parameters = {"user_id": user_id, "instant": instant}
    balance: int | None = await db.read(lambda c: c.scalar(_BALANCE_AT, parameters))
    return balance or 0


async def contacts(db: Database, user_id: UUID, first: int) -> list[Person]:
    """The people that the person exchanged money with, the latest first."""

    async def work(connection: AsyncConnection) -> Sequence[UUID]:
        parameters = {"user_id": user_id, "first": first}
        latest = await connection.scalars(_LATEST_CONTACTS, {**parameters, "lines": _LATEST_LINES})
        if len(ids := latest.all()) == first:
            return ids
        most = {**parameters, "most": MAXIMUM_COUNTERPARTIES}
        return (await connection.scalars(_CONTACTS, most)).all()

    ids = await db.read(work) if first > 0 else []
    people = await persons.by_ids(db, ids)
    return [people[each] for each in ids if each in people]
