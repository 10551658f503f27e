"""Which users have blocked which others: a block has a row under each of the two."""

from __future__ import annotations

from collections.abc import Collection
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

#: How many users a user can block.
MAXIMUM_BLOCKED = 1_000

_BLOCKED = Query(
    "SELECT other_id FROM blocks WHERE user_id = :user_id AND role = 'blocker' "
    "ORDER BY created_at DESC, other_id LIMIT :limit"
)
_COUNT = text("SELECT count(*) FROM blocks WHERE user_id = :user_id AND role = 'blocker'")
_BETWEEN = text(
    "SELECT EXISTS (SELECT FROM blocks WHERE user_id = :user_id "
    "AND other_id = ANY(CAST(:other_ids AS uuid[])))"
)
# Both rows, under the locks of both users.
_BLOCK = text(
    "INSERT INTO blocks (user_id, other_id, role, created_at) VALUES "
    "(:user_id, :other_id, 'blocker', :now), (:other_id, :user_id, 'blocked', :now) "
    "ON CONFLICT DO NOTHING"
)
_UNBLOCK = text(
    """
    DELETE FROM blocks USING (
        VALUES (CAST(:user_id AS uuid), CAST(:other_id AS uuid), 'blocker'), (:other_id, :user_id, 'blocked')
    ) AS ended (user_id, other_id, role)
    WHERE blocks.user_id = ended.user_id AND blocks.other_id = ended.other_id
        AND blocks.role = ended.role AND blocks.user_id = ANY(CAST(:user_ids AS uuid[]))
    """
)


async def block(db: Database, caller: Principal, other_id: UUID) -> Person:
    """Have the caller block that user; blocking again changes nothing. The caller's account.

    Raises Unauthenticated where the caller's session has ended, NotFound for the caller and for who cannot
    be found, and BadUserInput where the caller has blocked too many.
    """

    async def work(unit: Unit) -> Person:
        locked = await persons.lock_caller_among(unit, caller, {caller.user_id, other_id})
        verified = {row.id for row in locked if row.email_verified_at is not None}
        if other_id == caller.user_id or other_id not in verified:
            raise errors.NotFound
        parameters = {"user_id": caller.user_id, "other_id": other_id, "now": await unit.clock()}
        await unit.connection.execute(_BLOCK, parameters)
        if await unit.connection.scalar(_COUNT, parameters) > MAXIMUM_BLOCKED:
            raise errors.BadUserInput(f"A user can block at most {MAXIMUM_BLOCKED} others.")
        return await persons.within(unit, caller.user_id)

    return await unit_of_work.run(db, work)


async def unblock(db: Database, caller: Principal, other_id: UUID) -> Person:
    """Have the caller no longer block that user, if they do. The caller's account.

    Raises Unauthenticated where the caller's session has ended, and NotFound for who does not exist.
    """

    async def work(unit: Unit) -> Person:
        user_ids = {caller.user_id, other_id}
        # A closed account can be unblocked: it is locked, but not returned.
        locked = await persons.lock_caller_among(unit, caller, user_ids)
        parameters = {"user_id": caller.user_id, "other_id": other_id, "user_ids": [*user_ids]}
        ended = await unit.connection.execute(_UNBLOCK, parameters)
        if not ended.rowcount and other_id not in {row.id for row in locked}:
            raise errors.NotFound
        return await persons.within(unit, caller.user_id)

    return await unit_of_work.run(db, work)


async def blocked_by(db: Database, user_id: UUID) -> list[Person]:
    """The users whom that user has blocked, the latest first."""
    rows = await db.rows(_BLOCKED.bind(user_id=user_id, limit=MAXIMUM_BLOCKED))
    found = await persons.by_ids(db, [other_id for (other_id,) in rows])
    return [found[other_id] for (other_id,) in rows if other_id in found]


async def are_between(unit: Unit, user_id: UUID, other_ids: Collection[UUID]) -> bool:
    """Whether that user, who is locked, has blocked any of the others or was blocked by one."""
    parameters = {"user_id": user_id, "other_ids": list(other_ids)}
    return bool(await unit.connection.scalar(_BETWEEN, parameters))
