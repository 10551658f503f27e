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
from persistence import history, persons
from persistence.database import Database

#: Trigrams need three characters: shorter ones are found at the beginning of a name alone.
MINIMUM_PART_CHARACTERS = 3
#: So many of those that merely contain the text are considered.
MAXIMUM_CONTAINING = 200
_RANKS = frozenset("0123")
_FIRST_ID = UUID(int=0)

_FINDABLE = "u.email_verified_at IS NOT NULL AND u.closed_at IS NULL AND u.id <> :viewer_id"
_COLUMNS = ", ".join(f"u.{column}" for column in persons.COLUMNS.split(", "))
_AFTER = "(:rank, u.search_text, u.id) > (:after_rank, :after_text, :after_id)"

_BY_ADDRESS = f"""
    SELECT 0 AS rank, u.search_text, {_COLUMNS}
    FROM email_addresses AS e JOIN users AS u ON u.id = e.user_id
    WHERE e.address = :address AND {_FINDABLE} AND :after_rank < 0
"""  # noqa: S608
_EXACT = f"""
    SELECT 1 AS rank, u.search_text, {_COLUMNS} FROM users AS u
    WHERE u.search_text = :wanted AND {_FINDABLE}
        AND (:after_rank < 1 OR (:after_rank = 1 AND u.id > :after_id))
    ORDER BY u.id LIMIT :limit
"""  # noqa: S608
_PREFIX = f"""
    SELECT 2 AS rank, u.search_text, {_COLUMNS} FROM users AS u
    WHERE u.search_text LIKE :prefix AND u.search_text > :wanted AND {_FINDABLE}
        AND (:after_rank < 2 OR (:after_rank = 2 AND (u.search_text, u.id) > (:after_text, :after_id)))
    ORDER BY u.search_text, u.id LIMIT :limit
"""  # noqa: S608
_CONTAINING = f"""
    SELECT 3 AS rank, u.search_text, {_COLUMNS} FROM users AS u
    WHERE u.search_text LIKE :containing AND u.search_text NOT LIKE :prefix AND {_FINDABLE}
        AND (:after_rank < 3 OR (u.search_text, u.id) > (:after_text, :after_id))
    LIMIT :most
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class FoundPerson:
    """A person who was found, and where in the list: what a cursor holds."""

    person: Person
    position: str
