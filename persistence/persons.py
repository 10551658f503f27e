"""A person's row: read, locked, and as the domain knows it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain import errors
from domain.accounts import Person
from persistence.unit_of_work import Unit

#: In the order of the fields of `Person`.
COLUMNS = "id, name, email, email_verified_at, balance, sequence"

_LOCK = text("SELECT * FROM lock_accounts(:user_ids)")
_READ = text(f"SELECT {COLUMNS} FROM users WHERE id = ANY(:user_ids)")  # noqa: S608


def from_row(row: Row[Any]) -> Person:
    """The person in a row of `users`."""
    return Person(row.id, row.name, row.email, row.email_verified_at, row.balance, row.sequence)


async def lock(unit: Unit, user_id: UUID) -> Row[Any] | None:
    """The person's row, held until the end of the unit of work; None for nobody and for the closed.

    Whatever else of a person is written is written under this lock, and it is always taken first.
    """
    found = (await unit.connection.execute(_LOCK, {"user_ids": [user_id]})).one_or_none()
    return None if found is None or found.closed_at is not None else found


async def lock_caller(unit: Unit, user_id: UUID) -> Row[Any]:
    """The same of somebody who is signed in. Raises Unauthenticated for nobody."""
    found = await lock(unit, user_id)
    if found is None:
        raise errors.Unauthenticated
    return found


async def by_ids(connection: AsyncConnection, user_ids: Collection[UUID]) -> dict[UUID, Person]:
    """Those people, in one query."""
    if not user_ids:
        return {}
    rows = await connection.execute(_READ, {"user_ids": list(user_ids)})
    return {row.id: from_row(row) for row in rows}
