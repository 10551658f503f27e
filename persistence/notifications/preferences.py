"""What a user has read, and which kinds of notification are also mailed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from domain import errors
from domain.people.accounts import Person
from domain.people.sessions import Principal
from persistence.engine import unit_of_work
from persistence.engine.database import Database
from persistence.engine.pipeline import Query
from persistence.engine.unit_of_work import Unit
from persistence.people import persons

_STATES = Query(
    "SELECT id, notification_number, notifications_read_through, mailed_notifications "
    "FROM users WHERE id = ANY(:user_ids)"
)
_MARK_READ = text(
    "UPDATE users SET notifications_read_through = :through "
    "WHERE id = :user_id AND notifications_read_through < :through"
)
_SET_MAILED = text("UPDATE users SET mailed_notifications = :kinds WHERE id = :user_id")


@dataclass(frozen=True, slots=True)
class State:
    """How far a user has read, and what is mailed."""

    newest_number: int
    read_through: int
    #: The kinds that the user has chosen to be mailed; None is the default.
    mailed: Collection[str] | None

    @property
    def unread(self) -> int:
        """How many notifications are not read."""
        return self.newest_number - self.read_through


async def states(db: Database, user_ids: Collection[UUID]) -> dict[UUID, State]:
    """The state of each of those users, in one query; unknown ids are left out."""
    rows = await db.rows(_STATES.bind(user_ids=user_ids))
    return {user_id: State(*state) for user_id, *state in rows}


async def mark_read(db: Database, caller: Principal, through: int) -> Person:
    """Mark all of the caller's notifications up to that number as read; none becomes unread.

    Raises Unauthenticated where the caller's session has ended, and InvalidInput for a number that no
    notification has, except 0.
    """

    async def work(unit: Unit) -> Person:
        row = await persons.lock_caller(unit, caller)
        if not 0 <= through <= row.notification_number:
            raise errors.invalid(
                "through",
                "`through` must be 0 or the number of a notification; the newest is "
                f"{row.notification_number}.",
            )
        parameters = {"user_id": caller.user_id, "through": through}
        await unit.connection.execute(_MARK_READ, parameters)
        return persons.from_row(row)

    return await unit_of_work.run(db, work)


async def set_mailed(db: Database, caller: Principal, kinds: Collection[str]) -> Person:
    """Have exactly those kinds mailed, besides those that always are.

    Raises Unauthenticated where the caller's session has ended.
    """

    async def work(unit: Unit) -> Person:
        row = await persons.lock_caller(unit, caller)
        parameters = {"user_id": caller.user_id, "kinds": list(kinds)}
        await unit.connection.execute(_SET_MAILED, parameters)
        return persons.from_row(row)

    return await unit_of_work.run(db, work)
