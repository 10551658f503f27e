"""Restrictions of accounts: stored on the user's row, and changed under its lock."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from domain.ledger.restricting import SetRestrictions
from domain.notifications.notices import Notification
from domain.people import restrictions
from domain.people.restrictions import Restriction, Untils
from persistence.engine import pipeline
from persistence.engine.database import Database
from persistence.engine.pipeline import Query, Statement
from persistence.engine.unit_of_work import Unit
from persistence.notifications import notifying
from persistence.people import persons

#: The columns, in the order of `Restriction`.
COLUMNS = tuple(f"{each}_restricted_until" for each in Restriction)
#: NULL for nearly all users, so that those who read it under the lock have one column more to read.
UNTILS = (
    f"CASE WHEN coalesce({', '.join(COLUMNS)}) IS NOT NULL THEN ARRAY[{', '.join(COLUMNS)}] END"
)

_SET = text(
    f"UPDATE users SET {', '.join(f'{each} = :{each}' for each in COLUMNS)} "  # noqa: S608
    "WHERE id = :user_id"
)
_SET_ALL = f"""
UPDATE users SET {", ".join(f"{each} = changed.{each}" for each in COLUMNS)}
FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::timestamptz[])
    AS changed (id, {", ".join(COLUMNS)})
WHERE users.id = changed.id AND users.id = ANY ($1::uuid[])
""".encode()  # noqa: S608
_UNTILS_OF = text(f"SELECT {', '.join(COLUMNS)} FROM users WHERE id = :user_id")  # noqa: S608
_READ = Query(f"SELECT clock_timestamp(), {', '.join(COLUMNS)} FROM users WHERE id = :user_id")  # noqa: S608


def untils(row: Row[Any]) -> Untils:
    """When the restrictions of a user's row end."""
    return tuple(getattr(row, column) for column in COLUMNS)


async def restrict(
    unit: Unit, user_id: UUID, chosen: Collection[Restriction], until: datetime | None
) -> list[Notification]:
    """Within a unit of work: bar the account from what was chosen, until then; None is until lifted.

    Locks the account, and notifies its owner. From the commit on, no command of the account is executed
    from which it is barred. Nothing happens to an account that is closed.
    """
    row = await persons.lock(unit, user_id)
    if row is None:
        return []
    await _set(unit, user_id, restrictions.restricted(untils(row), chosen, until))
    return await notifying.notify(unit, [restrictions.notice(user_id, chosen, until)])


async def bar_closed(unit: Unit, user_id: UUID, chosen: Collection[Restriction]) -> None:
    """Within a unit of work that has locked a closed account: bar it from what was chosen, should it be
    reopened. Nobody is notified.
    """
    ends = (await unit.connection.execute(_UNTILS_OF, {"user_id": user_id})).one()
    await _set(unit, user_id, restrictions.restricted(tuple(ends), chosen, None))


async def lift(unit: Unit, user_id: UUID) -> list[Notification]:
    """Within a unit of work: lift all restrictions of the account, if it has any; as `restrict`."""
    row = await persons.lock(unit, user_id)
    if row is None or not any(untils(row)):
        return []
    await _set(unit, user_id, (None,) * len(COLUMNS))
    return await notifying.notify(unit, [restrictions.notice(user_id, (), None)])


async def _set(unit: Unit, user_id: UUID, ends: Untils) -> None:
    await unit.connection.execute(
        _SET, {"user_id": user_id, **dict(zip(COLUMNS, ends, strict=True))}
    )


def set_all(effects: Sequence[SetRestrictions]) -> Statement:
    """Store the restrictions of accounts: for the ledger. Of one account, the last ones."""
    last = {each.user_id: each.untils or (None,) * len(COLUMNS) for each in effects}
    ends = zip(*last.values(), strict=True)
    return _SET_ALL, (pipeline.array(last), *(pipeline.array(column) for column in ends))


async def in_force(db: Database, user_id: UUID) -> list[Restriction]:
    """What the account is barred from now, by the clock of the database. Raises Unavailable."""
    rows = await db.rows(_READ.bind(user_id=user_id))
    return restrictions.in_force(rows[0][1:], rows[0][0]) if rows else []
