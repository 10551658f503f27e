"""Declining, cancelling and expiring payment requests, under the locks of their users."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from domain import errors
from domain.notifications.notices import Notice
from domain.notifications.notification_kinds import NotificationKind
from domain.people.sessions import Principal
from domain.requests import payment_requests
from domain.requests.payment_requests import PaymentRequest, Status
from persistence.engine import unit_of_work
from persistence.engine.database import Database
from persistence.engine.unit_of_work import Unit
from persistence.notifications import notifying
from persistence.people import persons
from persistence.requests import request_rows

_DUE = text(
    "SELECT user_id, id FROM payment_requests WHERE status = 'pending' AND role = 'requester' "
    "AND expires_at <= now() ORDER BY expires_at LIMIT :limit"
)
_PENDING = text(
    f"SELECT {request_rows.COLUMNS} FROM payment_requests "  # noqa: S608
    "WHERE user_id = :user_id AND role IN ('requester', 'payer') AND status = 'pending'"
)

#: What becomes of a request that a user closes at an instant. Raises its refusal.
Closing = Callable[[PaymentRequest, UUID, datetime], PaymentRequest]


async def decline(
    db: Database, caller: Principal, requester_id: UUID, request_id: UUID
) -> PaymentRequest:
    """The request, declined by its payer, now or before.

    Raises Unauthenticated where the caller's credential has ended, NotFound or RequestClosed.
    """
    return await _close(db, caller, requester_id, request_id, payment_requests.declined)


async def cancel(
    db: Database, caller: Principal, requester_id: UUID, request_id: UUID
) -> PaymentRequest:
    """The request, cancelled by its requester, now or before.

    Raises Unauthenticated where the caller's credential has ended, NotFound or RequestClosed.
    """
    return await _close(db, caller, requester_id, request_id, payment_requests.cancelled)


async def _close(
    db: Database, caller: Principal, requester_id: UUID, request_id: UUID, closing: Closing
) -> PaymentRequest:
    async def work(unit: Unit) -> PaymentRequest:
        # Who else is to be locked; whatever else changes is read again under the locks.
        before = await request_rows.of_requester(unit, requester_id, request_id)
        if before is None or not before.is_of(caller.user_id):
            raise errors.NotFound
        await persons.lock_caller_among(unit, caller, before.users)
        request = await request_rows.of_requester(unit, requester_id, request_id)
        assert request is not None
        closed = closing(request, caller.user_id, await unit.clock())
        if closed != request:
            await _store(unit, closed)
        return closed

    return await unit_of_work.run(db, work)


async def due(db: Database, limit: int) -> list[tuple[UUID, UUID]]:
    """The requests that have expired and are not recorded as such, as pairs of requester and id."""
    found = await db.read(lambda connection: connection.execute(_DUE, {"limit": limit}))
    return [(row.user_id, row.id) for row in found]


async def expire(db: Database, requester_id: UUID, request_id: UUID) -> bool:
    """Record that the request has expired, and notify its users; whether there was anything to record."""

    async def work(unit: Unit) -> bool:
        before = await request_rows.of_requester(unit, requester_id, request_id)
        if before is None:
            return False
        await persons.lock_all(unit, before.users)
        request = await request_rows.of_requester(unit, requester_id, request_id)
        assert request is not None
        now_is = request.at(await unit.clock())
        if now_is == request or now_is.status is not Status.EXPIRED:
            return False
        await _store(unit, now_is)
        return True

    return await unit_of_work.run(db, work)


async def others(unit: Unit, user_id: UUID) -> set[UUID]:
    """The other users of the pending requests of that user, or to them."""
    return {
        other_id
        for request in await _pending(unit, user_id)
        for other_id in request.users
        if other_id != user_id
    }


async def close_all(unit: Unit, user_id: UUID, now: datetime) -> None:
    """Within a unit of work that has locked the user and `others`: close all pending requests.

    The user's own are cancelled and those to them declined. Those whose time was over have expired.
    """
    closed: list[PaymentRequest] = []
    for request in await _pending(unit, user_id):
        now_is = request.at(now)
        if now_is.status is Status.PENDING:
            is_own = request.requester_id == user_id
            close = payment_requests.cancelled if is_own else payment_requests.declined
            now_is = close(request, user_id, now)
        closed.append(now_is)
    if closed:
        await request_rows.close_all(unit, closed)
        await notifying.notify(unit, [notice for each in closed for notice in _notices(each)])


async def _pending(unit: Unit, user_id: UUID) -> list[PaymentRequest]:
    found = await unit.connection.execute(_PENDING, {"user_id": user_id})
    return [request_rows.from_row(row) for row in found]


async def _store(unit: Unit, closed: PaymentRequest) -> None:
    """Store the status, and notify the users who did not choose it."""
    await request_rows.close(unit, closed)
    notices = _notices(closed)
    if notices:
        await notifying.notify(unit, notices)


def _notices(closed: PaymentRequest) -> list[Notice]:
    requester_id, payer_id = closed.requester_id, closed.payer_id
    told: list[tuple[UUID | None, NotificationKind, UUID | None]]
    match closed.status:
        case Status.DECLINED:
            told = [(requester_id, NotificationKind.REQUEST_DECLINED, payer_id)]
        case Status.CANCELLED:
            told = [(payer_id, NotificationKind.REQUEST_CANCELLED, requester_id)]
        case _:
            told = [
                (requester_id, NotificationKind.REQUEST_EXPIRED, payer_id),
                (payer_id, NotificationKind.REQUEST_EXPIRED, requester_id),
            ]
    return [
        Notice(
            user_id,
            kind,
            person_id=person_id,
            subject_id=closed.request_id,
            details={"amount_minor": closed.amount_minor},
        )
        for user_id, kind, person_id in told
        if user_id is not None
    ]
