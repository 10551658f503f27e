"""Handles: claimed, released, and reserved for their former owners."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from domain import errors
from domain.people import handles
from persistence.engine import unit_of_work
from persistence.engine.database import Database
from persistence.engine.pipeline import Query
from persistence.engine.unit_of_work import Unit
from persistence.people import persons, skeleton_rows

_BY_HANDLE = Query(
    "SELECT h.user_id FROM handles AS h JOIN users AS u ON u.id = h.user_id "
    "WHERE h.handle = :handle AND h.reserved_until IS NULL AND u.closed_at IS NULL"
)
# One statement, so that of concurrent claims exactly one wins. Another user's row stays as it is, unless its
# reservation has ended.
_CLAIM = text(
    "INSERT INTO handles AS held (handle, user_id) VALUES (:handle, :user_id) "
    "ON CONFLICT (handle) DO UPDATE SET user_id = excluded.user_id, reserved_until = NULL "
    "WHERE held.user_id = excluded.user_id OR held.reserved_until <= :now RETURNING held.handle"
)
_RELEASE = text(
    "UPDATE handles SET reserved_until = :until WHERE handle = :handle AND user_id = :user_id"
)
_RESERVED = text(
    "SELECT count(*) FROM handles WHERE user_id = :user_id AND reserved_until > :now "
    "AND handle IS DISTINCT FROM :handle"
)
_HAD = text("SELECT count(*) FROM handles WHERE user_id = :user_id")
_SET = text("UPDATE users SET handle = :handle WHERE id = :user_id")
_ENDED = text("SELECT handle FROM handles WHERE reserved_until <= :now LIMIT :batch")
# The reservation may have been taken up in the meantime.
_DELETE = text("DELETE FROM handles WHERE handle = ANY(:handles) AND reserved_until <= :now")


async def user_id_by_handle(db: Database, handle: str) -> UUID | None:
    """The user who has that handle, in the form in which it is stored."""
    found = await db.rows(_BY_HANDLE.bind(handle=handle))
    return found[0][0] if found else None


async def change(unit: Unit, person: Row[Any], handle: str | None, now: datetime) -> None:
    """Give the user, whose row is locked, another handle, or none. The former one becomes reserved.

    Raises HandleTaken, InvalidInput if the user has too many reserved handles, or Forbidden if they are
    not verified: registrations cost nothing, and none may block another.
    """
    if handle == person.handle:
        return
    if person.email_verified_at is None:
        raise errors.Forbidden("Verify your email address first: a handle is for verified users.")
    connection, user_id = unit.connection, person.id
    if person.handle is not None:
        reserved = {"user_id": user_id, "now": now, "handle": handle}
        if await connection.scalar(_RESERVED, reserved) >= handles.MAXIMUM_RESERVED:
            raise errors.invalid(
                "handle",
                f"You have given up {handles.MAXIMUM_RESERVED} handles in the last "
                f"{handles.RESERVED_FOR.days} days. Try again later.",
            )
    if handle is not None:
        claimed = {"handle": handle, "user_id": user_id, "now": now}
        if await connection.scalar(_CLAIM, claimed) is None:
            raise handles.HandleTaken
    if person.handle is not None:
        until = now + handles.RESERVED_FOR
        released = {"handle": person.handle, "user_id": user_id, "until": until}
        await connection.execute(_RELEASE, released)
    await connection.execute(_SET, {"user_id": user_id, "handle": handle})


async def release(unit: Unit, person: Row[Any], now: datetime) -> None:
    """Take the handle of a locked user, if there is one: it becomes reserved, beyond the limit too."""
    if person.handle is not None:
        until = now + handles.RESERVED_FOR
        released = {"handle": person.handle, "user_id": person.id, "until": until}
        await unit.connection.execute(_RELEASE, released)
        await unit.connection.execute(_SET, {"user_id": person.id, "handle": None})


async def give_first(db: Database, user_id: UUID, handle: str) -> bool:
    """Give the user that handle, such as a demo user; False, and nothing changes, if they have had a handle,
    or another user has it."""

    async def work(unit: Unit) -> bool:
        person = await persons.lock(unit, user_id)
        had = await unit.connection.scalar(_HAD, {"user_id": user_id})
        if person is None or had:
            return False
        await change(unit, person, handle, await unit.clock())
        await skeleton_rows.store(unit, user_id, name=person.name, handle=handle)
        return True

    try:
        return await unit_of_work.run(db, work)
    except handles.HandleTaken:
        return False


async def delete_ended(db: Database, batch: int) -> int:
    """Delete at most `batch` reservations that have ended; returns how many."""

    async def work(unit: Unit) -> int:
        now = await unit.clock()
        ended = (await unit.connection.scalars(_ENDED, {"now": now, "batch": batch})).all()
        deleted = await unit.connection.execute(_DELETE, {"handles": list(ended), "now": now})
        return deleted.rowcount

    return await unit_of_work.run(db, work)
