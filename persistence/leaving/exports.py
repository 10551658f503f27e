"""Exports of data: requested, attempted by jobs, stored in chunks, and deleted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from domain import ids
from domain.exports import data_exports
from domain.exports.data_exports import DataExport, ExportStatus
from domain.notifications.notices import Notice
from domain.notifications.notification_kinds import NotificationKind, SecurityChange
from domain.people.sessions import Principal
from persistence.engine import unit_of_work
from persistence.engine.database import Database
from persistence.engine.unit_of_work import Unit
from persistence.notifications import notifying
from persistence.people import persons

_PENDING = text("SELECT id FROM data_exports WHERE user_id = :user_id AND status = 'PENDING'")
_INSERT = text(
    "INSERT INTO data_exports (user_id, id, requested_at, attempt_at) "
    "VALUES (:user_id, :id, :now, :now)"
)
_LIST = text("SELECT * FROM data_exports WHERE user_id = :user_id ORDER BY id DESC")
_FIND = text("SELECT * FROM data_exports WHERE user_id = :user_id AND id = :id")
_DUE = text(
    "SELECT user_id, id FROM data_exports WHERE attempt_at <= clock_timestamp() "
    "ORDER BY attempt_at LIMIT :limit"
)
_BEGIN = text(
    "UPDATE data_exports SET attempts = attempts + 1, attempt_at = :until "
    "WHERE user_id = :user_id AND id = :id AND attempt_at <= :now RETURNING attempts"
)
_RENEW = text(
    "UPDATE data_exports SET attempt_at = :until "
    "WHERE user_id = :user_id AND id = :id AND status = 'PENDING' AND attempts = :attempt"
)
_ADD = text(
    "INSERT INTO data_export_chunks (user_id, export_id, attempt, position, content) "
    "VALUES (:user_id, :id, :attempt, :position, :content)"
)
_END = text(
    "UPDATE data_exports SET status = :status, attempt_at = NULL, ended_at = :now, "
    "expires_at = :expires_at, size = :size "
    "WHERE user_id = :user_id AND id = :id AND status = 'PENDING' AND attempts = :attempt"
)
_DELETE_OTHER_CHUNKS = text(
    "DELETE FROM data_export_chunks WHERE user_id = :user_id "
    "AND (export_id <> :id OR attempt <> :attempt)"
)
_DELETE_CHUNKS = text("DELETE FROM data_export_chunks WHERE user_id = :user_id AND export_id = :id")
_DELETE_OTHERS = text("DELETE FROM data_exports WHERE user_id = :user_id AND id <> :id")
_DELETE = text("DELETE FROM data_exports WHERE user_id = :user_id AND id = :id")
_EXPIRED = text(
    "SELECT user_id, id FROM data_exports WHERE expires_at <= clock_timestamp() LIMIT :limit"
)
_CHUNK = text(
    "SELECT c.content FROM data_export_chunks AS c "
    "JOIN data_exports AS e ON e.user_id = c.user_id AND e.id = c.export_id AND e.attempts = c.attempt "
    "WHERE c.user_id = :user_id AND c.export_id = :id AND c.position = :position "
    "AND e.status = 'READY'"
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of a worker at an export."""

    user_id: UUID
    export_id: UUID
    number: int


# ================================================================ for the owner


async def request(db: Database, caller: Principal) -> None:
    """Request an export, unless one is pending.

    Raises Unauthenticated if the caller's session has ended, or SessionNotConfirmed.
    """
    user_id = caller.user_id

    async def work(unit: Unit) -> None:
        await persons.lock_caller(unit, caller, confirmed=True)
        if await unit.connection.scalar(_PENDING, {"user_id": user_id}) is None:
            new = {"user_id": user_id, "id": ids.new_id(), "now": await unit.clock()}
            await unit.connection.execute(_INSERT, new)

    await unit_of_work.run(db, work)


async def list_for(db: Database, user_id: UUID) -> list[DataExport]:
    """The user's exports that are not deleted yet, the latest first."""
    found = await db.read(lambda connection: connection.execute(_LIST, {"user_id": user_id}))
    return [_from_row(row) for row in found]


async def find(db: Database, user_id: UUID, export_id: UUID) -> DataExport | None:
    """That export of the user."""
    named = {"user_id": user_id, "id": export_id}
    row = (await db.read(lambda connection: connection.execute(_FIND, named))).one_or_none()
    return None if row is None else _from_row(row)


async def content(db: Database, export: DataExport) -> AsyncIterator[bytes]:
    """The archive of an export that is ready, a chunk at a time."""
    read, position = 0, 0
    while export.size is not None and read < export.size:
        named = {"user_id": export.user_id, "id": export.export_id, "position": position}
        chunk = await _chunk(db, named)
        if chunk is None:
            raise data_exports.ExportExpired
        yield chunk
        read += len(chunk)
        position += 1


async def _chunk(db: Database, named: dict[str, Any]) -> bytes | None:
    found: bytes | None = await db.read(lambda connection: connection.scalar(_CHUNK, named))
    return found


# ================================================================ for the worker


async def due(db: Database, limit: int) -> Sequence[tuple[UUID, UUID]]:
    """The exports to be attempted, as pairs of user id and id."""
    found = await db.read(lambda connection: connection.execute(_DUE, {"limit": limit}))
    return [(row.user_id, row.id) for row in found]


async def begin(db: Database, user_id: UUID, export_id: UUID) -> Attempt | None:
    """Lease the export for an attempt. None if it is not due, the account is closed, or there were too many
    attempts: then it has failed."""

    async def work(unit: Unit) -> Attempt | None:
        person = await persons.lock(unit, user_id)
        now = await unit.clock()
        named = {"user_id": user_id, "id": export_id, "now": now}
        number = await unit.connection.scalar(_BEGIN, {**named, "until": _until(now)})
        if number is None:
            return None
        attempt = Attempt(user_id, export_id, number)
        if person is None or number > data_exports.MAXIMUM_ATTEMPTS:
            await _end(unit, attempt, ExportStatus.FAILED)
            return None
        return attempt

    return await unit_of_work.run(db, work)


async def add_chunk(db: Database, attempt: Attempt, position: int, chunk: bytes) -> bool:
    """Store a part of the archive, and renew the lease; False if another attempt has begun or it ended."""

    async def work(unit: Unit) -> bool:
        named = {"user_id": attempt.user_id, "id": attempt.export_id, "attempt": attempt.number}
        until = _until(await unit.clock())
        renewed = await unit.connection.execute(_RENEW, {**named, "until": until})
        if renewed.rowcount:
            given = {**named, "position": position, "content": chunk}
            await unit.connection.execute(_ADD, given)
        return bool(renewed.rowcount)

    return await unit_of_work.run(db, work)


async def finish(db: Database, attempt: Attempt, size: int) -> None:
    """All parts are stored: the user is told, and earlier exports are deleted."""

    async def work(unit: Unit) -> None:
        await persons.lock(unit, attempt.user_id)
        await _end(unit, attempt, ExportStatus.READY, size)

    await unit_of_work.run(db, work)


async def fail(db: Database, attempt: Attempt) -> None:
    """The export cannot be made."""

    async def work(unit: Unit) -> None:
        await persons.lock(unit, attempt.user_id)
        await _end(unit, attempt, ExportStatus.FAILED)

    await unit_of_work.run(db, work)


async def _end(unit: Unit, attempt: Attempt, status: ExportStatus, size: int | None = None) -> None:
    now = await unit.clock()
    named = {"user_id": attempt.user_id, "id": attempt.export_id, "attempt": attempt.number}
    end = {"status": status.value, "now": now, "expires_at": now + data_exports.KEPT, "size": size}
    if not (await unit.connection.execute(_END, {**named, **end})).rowcount:
        return
    if status is ExportStatus.READY:
        await unit.connection.execute(_DELETE_OTHER_CHUNKS, named)
        await unit.connection.execute(_DELETE_OTHERS, named)
        change = SecurityChange.DATA_EXPORTED
    else:
        await unit.connection.execute(_DELETE_CHUNKS, named)
        change = SecurityChange.DATA_EXPORT_FAILED
    kind, details = NotificationKind.SECURITY_CHANGED, {"change": change.value}
    await notifying.notify(unit, [Notice(attempt.user_id, kind, details=details)])


async def delete_expired(db: Database, batch: int) -> int:
    """Delete at most `batch` exports that can no longer be downloaded; returns how many."""
    found = await db.read(lambda connection: connection.execute(_EXPIRED, {"limit": batch}))
    expired = [(row.user_id, row.id) for row in found]
    for user_id, export_id in expired:

        async def work(unit: Unit, user_id: UUID = user_id, export_id: UUID = export_id) -> None:
            named = {"user_id": user_id, "id": export_id}
            await unit.connection.execute(_DELETE_CHUNKS, named)
            await unit.connection.execute(_DELETE, named)

        await unit_of_work.run(db, work)
    return len(expired)


def _until(now: datetime) -> datetime:
    return now + data_exports.LEASE


def _from_row(row: Row[Any]) -> DataExport:
    return DataExport(
        user_id=row.user_id,
        export_id=row.id,
        status=ExportStatus(row.status),
        requested_at=row.requested_at,
        ended_at=row.ended_at,
        expires_at=row.expires_at,
        size=row.size,
    )
