"""Who is an operator. Operators are added and removed from the command line, never by the API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from domain import errors
from domain.operators.log import Record, RecordType
from domain.people.accounts import Person
from persistence.engine import unit_of_work
from persistence.engine.database import Database
from persistence.engine.unit_of_work import Unit
from persistence.operators import log_rows
from persistence.people import accounts, persons

_ADD = text(
    "INSERT INTO operators (user_id, added_at) VALUES (:user_id, :now) ON CONFLICT DO NOTHING"
)
_REMOVE = text("DELETE FROM operators WHERE user_id = :user_id")
_HAS_SECOND_FACTOR = text(
    "SELECT confirm_above IS NOT NULL FROM users WHERE id = :user_id AND closed_at IS NULL"
)
_LIST = text(
    "SELECT o.user_id, u.name, u.email, o.added_at, u.closed_at IS NULL AS is_open, "
    "u.confirm_above IS NOT NULL AS has_second_factor "
    "FROM operators AS o JOIN users AS u ON u.id = o.user_id ORDER BY o.added_at, o.user_id"
)


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator, and whether their account can be used as one."""

    user_id: UUID
    name: str
    email: str
    added_at: datetime
    is_open: bool
    has_second_factor: bool


async def add(db: Database, email: str, *, audit_key: bytes) -> tuple[Person, bool]:
    """Make the user with that address an operator; says whether they were not one before.

    Raises NotFound if nobody has verified the address.
    """
    return await _change(db, email, audit_key, RecordType.ADDITION)


async def remove(db: Database, email: str, *, audit_key: bytes) -> tuple[Person, bool]:
    """Stop the user with that address from being an operator; says whether they were one.

    Raises NotFound if nobody has verified the address.
    """
    return await _change(db, email, audit_key, RecordType.REMOVAL)


async def _change(
    db: Database, email: str, audit_key: bytes, change: RecordType
) -> tuple[Person, bool]:
    user_id = await accounts.user_id_by_email(db, email)
    if user_id is None:
        raise errors.NotFound

    async def work(unit: Unit) -> tuple[Person, bool]:
        row = await persons.lock(unit, user_id)
        if row is None:
            raise errors.NotFound
        now = await unit.clock()
        statement = _ADD if change is RecordType.ADDITION else _REMOVE
        changed = await unit.connection.execute(statement, {"user_id": user_id, "now": now})
        if changed.rowcount:
            await log_rows.append(unit, audit_key, _record(change, user_id, now))
        return persons.from_row(row), bool(changed.rowcount)

    return await unit_of_work.run(db, work)


def _record(change: RecordType, user_id: UUID, now: datetime) -> Record:
    return Record(
        position=0,
        type=change,
        number=None,
        decides=None,
        action_id=None,
        operator_id=None,
        account_id=user_id,
        other_account_id=None,
        kind=None,
        created_at=now,
    )


async def listed(db: Database) -> list[Operator]:
    """All operators, those who have been it longest first."""
    rows = await db.read(lambda connection: connection.execute(_LIST))
    return [Operator(*row) for row in rows]


async def has_second_factor(db: Database, user_id: UUID) -> bool:
    """Whether the user has a second factor, without which an operator sees nothing."""
    parameters = {"user_id": user_id}
    return bool(await db.read(lambda c: c.scalar(_HAS_SECOND_FACTOR, parameters)))
