"""Changes of top-ups other than credits, and which top-ups the job has to look after."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from domain.notifications.notices import Notice
from domain.notifications.notification_kinds import NotificationKind
from domain.top_ups.provider import Session
from domain.top_ups.top_ups import Status, TopUp
from persistence.engine import unit_of_work
from persistence.engine.database import Database
from persistence.engine.unit_of_work import Unit
from persistence.notifications import notifying
from persistence.people import persons
from persistence.top_ups import rows

#: After so long, a top-up is looked after again whose worker was killed, or had no answer.
LEASE = timedelta(seconds=30)

_DUE = text(
    "SELECT user_id, id FROM top_ups WHERE attend_at <= now() ORDER BY attend_at LIMIT :limit"
)
_LAG = text(
    "SELECT coalesce(extract(epoch FROM clock_timestamp() - min(attend_at)), 0)::float8 "
    "FROM top_ups WHERE attend_at <= now() AND attend_at > created_at"
)
_IS_DUE = text(
    "SELECT attend_at <= clock_timestamp() FROM top_ups WHERE user_id = :user_id AND id = :top_up_id"
)
_ATTEND_AT = text("UPDATE top_ups SET attend_at = :at WHERE user_id = :user_id AND id = :top_up_id")
# Whatever the state: a session that was created for nothing has to be ended.
_SESSION = text(
    """
    UPDATE top_ups SET session_id = :session_id, expires_at = :expires_at,
        checkout_url = CASE WHEN status = 'PENDING' THEN CAST(:url AS text) END,
        attend_at = CASE WHEN status = 'PENDING' THEN CAST(:at AS timestamptz) ELSE attend_at END
    WHERE user_id = :user_id AND id = :top_up_id AND session_id IS NULL
    """
)
_FAIL = text(
    "UPDATE top_ups SET status = 'FAILED', checkout_url = NULL, attend_at = NULL "
    "WHERE user_id = :user_id AND id = :top_up_id AND status = 'PENDING'"
)
_REFUND = text(
    """
    UPDATE top_ups SET status = 'FAILED', checkout_url = NULL, session_id = :session_id,
        payment_id = :payment_id, refund = 'DUE', attend_at = :now
    WHERE user_id = :user_id AND id = :top_up_id AND payment_id IS NULL
    """
)
_REFUNDED = text(
    "UPDATE top_ups SET refund = 'MADE', attend_at = NULL "
    "WHERE user_id = :user_id AND id = :top_up_id AND refund = 'DUE'"
)


async def due(db: Database, limit: int) -> list[tuple[UUID, UUID]]:
    """The top-ups to look after, as pairs of user id and id, the longest due first."""
    found = await db.read(lambda connection: connection.execute(_DUE, {"limit": limit}))
    return [(row.user_id, row.id) for row in found]


async def lag_seconds(db: Database) -> float:
    """How long the top-up that is due longest has waited for the job; 0 if none is due."""
    seconds: float = await db.read(lambda connection: connection.scalar(_LAG))
    return seconds


async def begin(db: Database, user_id: UUID, top_up_id: UUID) -> TopUp | None:
    """Take a top-up that is due, unless another worker has; None then. Raises Unavailable."""

    async def work(unit: Unit) -> TopUp | None:
        await persons.lock_all(unit, [user_id])
        if not await unit.connection.scalar(_IS_DUE, _names(user_id, top_up_id)):
            return None
        at = await unit.clock() + LEASE
        await unit.connection.execute(_ATTEND_AT, {**_names(user_id, top_up_id), "at": at})
        return await rows.find(unit, user_id, top_up_id)

    return await unit_of_work.run(db, work)


async def session_created(db: Database, top_up: TopUp, session: Session) -> TopUp:
    """Record the session of the top-up, as which it is returned as it is then."""

    async def work(unit: Unit) -> TopUp:
        await persons.lock_all(unit, [top_up.user_id])
        parameters = {
            **_names(top_up.user_id, top_up.top_up_id),
            "session_id": session.session_id,
            "url": session.url,
            "expires_at": session.expires_at,
            "at": top_up.next_look_at(await unit.clock()),
        }
        await unit.connection.execute(_SESSION, parameters)
        found = await rows.find(unit, top_up.user_id, top_up.top_up_id)
        assert found is not None
        return found

    return await unit_of_work.run(db, work)


async def look_later(db: Database, top_up: TopUp) -> None:
    """Have the job ask again what has become of a pending top-up; no more about another one."""

    async def work(unit: Unit) -> None:
        await persons.lock_all(unit, [top_up.user_id])
        names = _names(top_up.user_id, top_up.top_up_id)
        found = await rows.find(unit, top_up.user_id, top_up.top_up_id)
        assert found is not None
        if found.refund is not None:
            return
        is_pending = found.status is Status.PENDING
        at = found.next_look_at(await unit.clock()) if is_pending else None
        await unit.connection.execute(_ATTEND_AT, {**names, "at": at})

    await unit_of_work.run(db, work)


async def fail(db: Database, top_up: TopUp, *, if_expired: bool = False) -> bool:
    """A pending top-up will not be paid: its user is notified, once. Whether that is so.

    `if_expired` leaves one alone whose payment page would not have expired yet.
    """

    async def work(unit: Unit) -> bool:
        await persons.lock_all(unit, [top_up.user_id])
        if if_expired and await unit.clock() < top_up.session_expires_at:
            return False
        names = _names(top_up.user_id, top_up.top_up_id)
        if (await unit.connection.execute(_FAIL, names)).rowcount == 0:
            return False
        notice = Notice(
            top_up.user_id,
            NotificationKind.TOP_UP_FAILED,
            subject_id=top_up.top_up_id,
            details={"amount_minor": top_up.amount_minor},
        )
        await notifying.notify(unit, [notice])
        return True

    return await unit_of_work.run(db, work)


async def refund(db: Database, top_up: TopUp, session_id: str, payment_id: str) -> None:
    """A payment that must not be credited has to go back: the job has the provider refund it."""

    async def work(unit: Unit) -> None:
        await persons.lock_all(unit, [top_up.user_id])
        parameters = {
            **_names(top_up.user_id, top_up.top_up_id),
            "session_id": session_id,
            "payment_id": payment_id,
            "now": await unit.clock(),
        }
        await unit.connection.execute(_REFUND, parameters)

    await unit_of_work.run(db, work)


async def refunded(db: Database, top_up: TopUp) -> None:
    """The provider has refunded it."""

    async def work(unit: Unit) -> None:
        await persons.lock_all(unit, [top_up.user_id])
        await unit.connection.execute(_REFUNDED, _names(top_up.user_id, top_up.top_up_id))

    await unit_of_work.run(db, work)


def _names(user_id: UUID, top_up_id: UUID) -> dict[str, Any]:
    return {"user_id": user_id, "top_up_id": top_up_id}
