"""Finding people by a part of the name, or by an address typed whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain import accounts, errors
from domain import text as texts
from domain.accounts import Person
from domain.paging import Page, PageRequest
from persistence import patterns, persons
from persistence.database import Database

#: Trigrams need three characters: a shorter text is looked for where words begin, which they know too.
MINIMUM_PART_CHARACTERS = 3
#: Of those that merely contain the text, so many are considered.
MAXIMUM_CONTAINING = 200
MAXIMUM_QUERY_CHARACTERS = 254

_ADDRESS, _EXACT, _PREFIX, _CONTAINING = range(4)

_COLUMNS = ", ".join(f"u.{column}" for column in ["search_text", *persons.COLUMNS.split(", ")])
_FINDABLE = "u.email_verified_at IS NOT NULL AND u.closed_at IS NULL AND u.id <> :viewer_id"
_BEYOND = "AND (u.search_text, u.id) > (:after_text, CAST(:after_id AS uuid))"
_NOT_BY_ADDRESS = "AND u.email <> :address"

# Each tier with room for more conditions; the best match is in the first of them.
_TIERS = {
    _ADDRESS: f"""
        SELECT 0 AS rank, {_COLUMNS}
        FROM email_addresses AS e JOIN users AS u ON u.id = e.user_id
        WHERE e.address = :address AND {_FINDABLE} %s
        """,  # noqa: S608
    _EXACT: f"""
        SELECT 1 AS rank, {_COLUMNS} FROM users AS u
        WHERE u.search_text = :wanted AND {_FINDABLE} %s
        ORDER BY u.search_text, u.id LIMIT :limit
        """,  # noqa: S608
    _PREFIX: f"""
        SELECT 2 AS rank, {_COLUMNS} FROM users AS u
        WHERE u.search_text LIKE :prefix AND u.search_text > :wanted AND {_FINDABLE} %s
        ORDER BY u.search_text, u.id LIMIT :limit
        """,  # noqa: S608
    _CONTAINING: f"""
        SELECT 3 AS rank, {_COLUMNS}
        FROM people_containing(
            :containing, :prefix, :containing_after_text, CAST(:containing_after_id AS uuid), :most
        ) AS u
        WHERE {_FINDABLE} %s
        ORDER BY u.search_text, u.id LIMIT :limit
        """,  # noqa: S608
}


@dataclass(frozen=True, slots=True)
class FoundPerson:
    """A person who was found, and where in the list: what a cursor holds."""

    person: Person
    position: str


@dataclass(frozen=True, slots=True)
class _Position:
    rank: int
    search_text: str
    user_id: UUID

    def render(self) -> str:
        return f"{self.rank}:{self.user_id}:{self.search_text}"


def _read_position(cursor: str) -> _Position:
    rank, _, rest = cursor.partition(":")
    user_id, _, search_text = rest.partition(":")
    try:
        position = _Position(int(rank), search_text, UUID(user_id))
    except ValueError:
        position = None
    if position is None or position.rank not in _TIERS or "\0" in cursor:
        raise errors.BadUserInput("That cursor is not one of this list: use one that it gave.")
    return position


async def search_people(
    db: Database, *, viewer_id: UUID, query: str, page: PageRequest
) -> Page[FoundPerson]:
    """People by a part of the name, the best match first: the exact name, then names that begin with
    the text, then those that contain it; before all of them whoever has the address, typed whole.

    Never the viewer, the unverified or the closed. Raises BadUserInput for a cursor that is none.
    """
    wanted = texts.search_text(query[:MAXIMUM_QUERY_CHARACTERS])
    position = None if page.after is None else _read_position(page.after)
    address = _whole_address(query)
    containing = _containing(wanted)
    parameters: dict[str, Any] = {
        "viewer_id": viewer_id,
        "address": address,
        "wanted": wanted,
        "prefix": patterns.begins_with(wanted),
        "containing": containing,
        "limit": page.size + 1,
        "most": MAXIMUM_CONTAINING,
        "containing_after_text": None,
        "containing_after_id": None,
    }
    if position is not None:
        parameters |= {"after_text": position.search_text, "after_id": position.user_id}
        if position.rank == _CONTAINING:
            parameters |= {
                f"containing_{name}": parameters[name] for name in ("after_text", "after_id")
            }
    ranks = [
        *([_ADDRESS] if address is not None else []),
        *([_EXACT, _PREFIX] if wanted else []),
        *([_CONTAINING] if containing is not None else []),
    ]
    tiers = [rank for rank in ranks if position is None or rank >= position.rank]

    async def work(connection: AsyncConnection) -> list[Row[Any]]:
        found: list[Row[Any]] = []
        # The last tier costs most, and is asked only where the others do not fill the page.
        for some in (
            [t for t in tiers if t != _CONTAINING],
            [t for t in tiers if t == _CONTAINING],
        ):
            if some and len(found) <= page.size:
                statement = text(_union(some, position, address))
                found += await connection.execute(statement, parameters)
        return sorted(found, key=lambda row: (row.rank, row.search_text, row.id))

    rows = await db.read(work)
    items = [
        FoundPerson(persons.from_row(row), _Position(row.rank, row.search_text, row.id).render())
        for row in rows[: page.size]
    ]
    return Page(items, has_next=len(rows) > page.size, has_previous=position is not None)


def _union(ranks: list[int], position: _Position | None, address: str | None) -> str:
    parts = []
    for rank in ranks:
        beyond = _BEYOND if position is not None and rank == position.rank else ""
        other = _NOT_BY_ADDRESS if address is not None and rank != _ADDRESS else ""
        parts.append(f"({_TIERS[rank] % f'{beyond} {other}'})")
    return " UNION ALL ".join(parts)


def _containing(wanted: str) -> str | None:
    """The pattern of the names that have the text somewhere; None where no trigram would help."""
    if len(wanted) >= MINIMUM_PART_CHARACTERS:
        return patterns.contains(wanted)
    return patterns.contains(f" {wanted}") if wanted.isalnum() else None


def _whole_address(query: str) -> str | None:
    if "@" not in query:
        return None
    try:
        return accounts.clean_email(query)
    except errors.InvalidInput:
        return None
