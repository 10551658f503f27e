"""Pages of an account ledger, filtered: each examines a bounded number of entries."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, any_, func, literal, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as UUID_TYPE
from sqlalchemy.ext.asyncio import AsyncConnection

from domain import errors
from domain import text as texts
from domain.ledger.kinds import Direction, Kind
from domain.ledger.metadata import Pair
from domain.ledger.transfers import Entry
from domain.paging import Page, PageRequest
from persistence import tables
from persistence.engine import patterns
from persistence.engine.database import Database
from persistence.engine.pipeline import Query, Rows
from persistence.ledger import entry_rows

#: How many entries are examined for one page by a filter without an index of its own.
EXAMINED_ENTRIES = 10_000
_MAXIMUM_SEQUENCE = 2**63 - 1

_entries = tables.transactions.c
_metadata = tables.transaction_metadata.c
_ENTRY = [_entries[name] for name in entry_rows.COLUMNS.split(", ")]


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """A filter of entries; None matches all. `text` is as the user typed it."""

    kind: Kind | None = None
    direction: Direction | None = None
    counterparty_id: UUID | None = None
    #: Exclusive.
    created_after: datetime | None = None
    #: Inclusive.
    created_from: datetime | None = None
    #: Exclusive.
    created_before: datetime | None = None
    #: A pair that the entry carries, as it is stored.
    metadata: Pair | None = None
    text: str | None = None


#: Every entry.
EVERY = EntryFilter()
#: A user, and the size of the page.
Newest = tuple[UUID, int]

_NEWEST = Query(
    f"SELECT {entry_rows.COLUMNS} FROM transactions WHERE user_id = :user_id "  # noqa: S608
    "ORDER BY sequence DESC LIMIT :limit",
    is_kept=True,
)


def is_newest(entry_filter: EntryFilter, request: PageRequest) -> bool:
    """Whether that is the first page without a filter: the one that is read most often."""
    return (
        request.after is None
        and request.before is None
        and not request.backward
        and entry_filter == EVERY
    )


async def newest(db: Database, asked: Collection[Newest]) -> dict[Newest, Rows]:
    """The rows of the newest entries of each user, one more than the page's size, in one round trip.

    A statement for each user: joined with all of them, a ledger could be read from its beginning.
    """
    found = await db.rows_of_each(
        [_NEWEST.bind(user_id=user_id, limit=size + 1) for user_id, size in asked]
    )
    return dict(zip(asked, found, strict=True))


def first_page(rows: Rows, size: int) -> Page[Entry]:
    """The first page without a filter, of the rows that `newest` read."""
    return Page([entry_rows.from_row(row) for row in rows[:size]], has_next=len(rows) > size)


async def page(
    db: Database, user_id: UUID, entry_filter: EntryFilter, request: PageRequest
) -> Page[Entry]:
    """A page of the user's entries, newest first. Cursors are sequences.

    A page may have fewer entries than requested, or none, although there are more: `Page.end` (or
    `Page.start`, backwards) is then the cursor to continue from. Raises BadUserInput for a malformed cursor.
    """
    after, before = _read_cursor(request.after), _read_cursor(request.before)

    async def work(connection: AsyncConnection) -> Page[Entry]:
        search = _Search(connection, user_id, entry_filter)
        low, high = await search.bounds()
        inside = max(low, before or 0), high if after is None else min(high, after)
        found, rest = await search.find(*inside, request.size + 1, ascending=request.backward)
        has_more = len(found) > request.size or rest is not None
        items, position = found[: request.size], None if rest is None else str(rest)
        newer = after is not None and await search.has_any(after - 1, high, ascending=True)
        older = before is not None and await search.has_any(low, before + 1, ascending=False)
        if request.backward:
            return Page(items[::-1], older, has_previous=has_more or newer, start=position)
        return Page(items, has_more or older, has_previous=newer, end=position)

    return await db.read(work)


def _read_cursor(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if not (cursor.isascii() and cursor.isdigit() and int(cursor) <= _MAXIMUM_SEQUENCE):
        raise errors.BadUserInput(
            "That cursor is not one of this list: take it from an earlier page."
        )
    return int(cursor)


class _Search:
    """Searches entries between two sequences, both exclusive."""

    def __init__(self, connection: AsyncConnection, user_id: UUID, wanted: EntryFilter) -> None:
        self._connection = connection
        self._user_id = user_id
        self._mine = _entries.user_id == user_id
        self._wanted = wanted
        text = texts.search_text(wanted.text or "")
        self._pattern = patterns.contains(text) if text else None
        #: Whether entries have to be examined that may not match.
        self._is_scan = bool(
            wanted.kind
            or wanted.direction
            or self._pattern
            # Each has an index, but there is none for both together.
            or (wanted.metadata and wanted.counterparty_id)
        )

    async def bounds(self) -> tuple[int, int]:
        """The sequences between which the filter's times lie: `createdAt` never goes back along them."""
        wanted, created = self._wanted, _entries.created_at
        low, high = 0, _MAXIMUM_SEQUENCE
        if wanted.created_after is not None:
            low = await self._last(created <= wanted.created_after)
        if wanted.created_from is not None:
            low = max(low, await self._last(created < wanted.created_from))
        if wanted.created_before is not None:
            condition = created >= wanted.created_before
            high = await self._first(condition, created, _entries.sequence) or high
        if self._is_scan and high == _MAXIMUM_SEQUENCE:
            newest = select(func.max(_entries.sequence)).where(self._mine)
            high = (await self._connection.scalar(newest) or 0) + 1
        return low, high

    async def _last(self, condition: ColumnElement[bool]) -> int:
        newest = _entries.created_at.desc(), _entries.sequence.desc()
        return await self._first(condition, *newest) or 0

    async def _first(
        self, condition: ColumnElement[bool], *order: ColumnElement[Any]
    ) -> int | None:
        query = select(_entries.sequence).where(self._mine, condition).order_by(*order).limit(1)
        sequence: int | None = await self._connection.scalar(query)
        return sequence

    async def has_any(self, low: int, high: int, *, ascending: bool) -> bool:
        """Whether there is a matching entry, or may be one beyond those that were examined."""
        found, rest = await self.find(low, high, 1, ascending=ascending)
        return bool(found) or rest is not None

    async def find(
        self, low: int, high: int, limit: int, *, ascending: bool
    ) -> tuple[list[Entry], int | None]:
        """The first matching entries, and the cursor to continue from if not all were examined."""
        bottom, top = low, high
        if self._is_scan and ascending:
            top = min(high, low + EXAMINED_ENTRIES + 1)
        elif self._is_scan:
            bottom = max(low, high - EXAMINED_ENTRIES - 1)
        if bottom + 1 >= top:
            return [], None
        conditions = [self._mine, _entries.sequence > bottom, _entries.sequence < top]
        if self._wanted.metadata is not None:
            conditions.append(self._carries(self._wanted.metadata, bottom, top))
        conditions += await self._conditions(conditions)
        order = _entries.sequence.asc() if ascending else _entries.sequence.desc()
        query = select(*_ENTRY).where(*conditions).order_by(order).limit(limit)
        found = [entry_rows.from_row(row) for row in await self._connection.execute(query)]
        rest = None
        if len(found) < limit:
            if top < high:
                rest = top - 1
            elif bottom > low:
                rest = bottom + 1
        return found, rest

    async def _conditions(self, window: list[ColumnElement[bool]]) -> list[ColumnElement[bool]]:
        wanted, conditions = self._wanted, list[ColumnElement[bool]]()
        if wanted.kind is not None:
            conditions.append(_entries.kind == wanted.kind.value)
        if wanted.direction is not None:
            conditions.append(_entries.direction == wanted.direction.value)
        if wanted.counterparty_id is not None:
            conditions.append(_entries.counterparty_id == wanted.counterparty_id)
        if self._pattern is not None:
            named = await self._named([*window, *conditions], self._pattern)
            conditions.append(
                or_(
                    _entries.note_search_text.like(self._pattern),
                    _entries.counterparty_id == any_(literal(named, ARRAY(UUID_TYPE))),
                )
            )
        return conditions

    def _carries(self, pair: Pair, low: int, high: int) -> ColumnElement[bool]:
        """Whether the entry carries that metadata, by an index that leads from the pair to sequences.

        PostgreSQL does not derive the bounds of these sequences from those of the entries.
        """
        key, value = pair
        carrying = select(_metadata.sequence).where(
            _metadata.user_id == self._user_id,
            _metadata.key == key,
            _metadata.value == value,
            _metadata.sequence > low,
            _metadata.sequence < high,
        )
        return _entries.sequence.in_(carrying)

    async def _named(self, conditions: list[ColumnElement[bool]], pattern: str) -> Sequence[UUID]:
        """The counterparties of those entries whose names match the pattern."""
        met = select(_entries.counterparty_id).where(*conditions).distinct()
        ids = [each for each in await self._connection.scalars(met) if each is not None]
        users = tables.users.c
        named = select(users.id).where(
            users.id == any_(literal(ids, ARRAY(UUID_TYPE))), users.search_text.like(pattern)
        )
        return (await self._connection.scalars(named)).all()
