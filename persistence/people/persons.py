"""Rows of users: read, locked, and converted into objects of the domain."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from domain import errors
from domain.people.accounts import Person
from domain.people.sessions import Principal
from persistence.engine.database import Database
from persistence.engine.pipeline import Query
from persistence.engine.unit_of_work import Unit
from persistence.people import credentials

#: In the order of the fields of `Person`.
COLUMNS = "id, name, email, email_verified_at, balance, sequence, time_zone, handle"

_LOCK = text("SELECT * FROM lock_accounts(:user_ids)")
_IS_OPERATOR = text("SELECT EXISTS (SELECT FROM operators WHERE user_id = :user_id)")
_READ_ONE = text(f"SELECT {COLUMNS} FROM users WHERE id = :user_id")  # noqa: S608
# The address of a closed account is kept apart until it is erased.
_READ_ADDRESSEE = text(
    "SELECT u.id, coalesce(c.name, u.name) AS name, coalesce(c.email, u.email) AS email, "
    "u.email_verified_at, u.balance, u.sequence, u.time_zone, u.handle "
    "FROM users AS u LEFT JOIN closed_accounts AS c ON c.user_id = u.id WHERE u.id = :user_id"
)
_READ_UNCLOSED = Query(
    f"SELECT {COLUMNS} FROM users WHERE id = :user_id AND closed_at IS NULL"  # noqa: S608
)
_READ = Query(
    f"SELECT {COLUMNS} FROM users WHERE id = ANY(:user_ids)",  # noqa: S608
    is_kept=True,
)


def from_row(row: Row[Any]) -> Person:
    """The user in a row of `users`."""
    return Person(
        row.id, row.name, row.email, row.email_verified_at, row.balance, row.sequence, row.time_zone,
        row.handle,
    )  # fmt: skip


async def lock(unit: Unit, user_id: UUID) -> Row[Any] | None:
    """The user's row, locked until the end of the unit of work; None if unknown or closed.

    All other rows of a user are written under this lock, which is always taken first.
    """
    found = await lock_any(unit, user_id)
    return None if found is None or found.closed_at is not None else found


async def lock_any(unit: Unit, user_id: UUID) -> Row[Any] | None:
    """The same for any user, also one whose account is closed."""
    return (await unit.connection.execute(_LOCK, {"user_ids": [user_id]})).one_or_none()


async def lock_all(unit: Unit, user_ids: Collection[UUID]) -> list[Row[Any]]:
    """The rows of those users, locked together in the order of their ids; closed accounts are left out."""
    found = (await unit.connection.execute(_LOCK, {"user_ids": list(user_ids)})).all()
    return [row for row in found if row.closed_at is None]


async def lock_caller(unit: Unit, caller: Principal, *, confirmed: bool = False) -> Row[Any]:
    """The caller's row, locked until the end of the unit of work.

    Every change by a signed-in user begins with it, because outside of the transaction, the information whether
    a session or an API token is active may be seconds old. Raises Unauthenticated if the caller's is not
    active, or SessionNotConfirmed if it has to be `confirmed` and is not.
    """
    found = await lock(unit, caller.user_id)
    # A separate statement after the lock, so that it sees what was committed while waiting.
    if found is None or not await credentials.is_active(unit, caller):
        raise errors.Unauthenticated
    if confirmed and not await credentials.is_confirmed(unit, caller):
        raise errors.SessionNotConfirmed
    return found


async def lock_caller_among(
    unit: Unit, caller: Principal, user_ids: Collection[UUID]
) -> list[Row[Any]]:
    """The rows of those users, the caller among them, locked as by `lock_all`.

    Raises Unauthenticated if the caller's session or API token is not active.
    """
    found = await lock_all(unit, user_ids)
    if not any(row.id == caller.user_id for row in found):
        raise errors.Unauthenticated
    if not await credentials.is_active(unit, caller):
        raise errors.Unauthenticated
    return found


async def is_operator(unit: Unit, user_id: UUID) -> bool:
    """Whether a locked user is an operator."""
    found: bool = await unit.connection.scalar(_IS_OPERATOR, {"user_id": user_id})
    return found


async def within(unit: Unit, user_id: UUID) -> Person:
    """The user, who must exist, as of the current unit of work."""
    return from_row((await unit.connection.execute(_READ_ONE, {"user_id": user_id})).one())


async def addressee(unit: Unit, user_id: UUID) -> Person:
    """The user, who must exist, under the name and address that mails go to: also of a closed account."""
    return from_row((await unit.connection.execute(_READ_ADDRESSEE, {"user_id": user_id})).one())


async def by_ids(db: Database, user_ids: Collection[UUID]) -> dict[UUID, Person]:
    """The users, in one query; unknown ids are left out."""
    if not user_ids:
        return {}
    return {row[0]: Person(*row) for row in await db.rows(_READ.bind(user_ids=user_ids))}


async def unclosed(db: Database, user_id: UUID) -> Person | None:
    """The user, unless the account is closed."""
    found = await db.rows(_READ_UNCLOSED.bind(user_id=user_id))
    return Person(*found[0]) if found else None
