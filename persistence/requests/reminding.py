"""Reminding payers of payment requests, under the locks of their users."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text

from domain import errors
from domain.notifications.notices import Notice
from domain.notifications.notification_kinds import NotificationKind
from domain.people.sessions import Principal
from domain.requests import reminders
from domain.requests.payment_requests import PaymentRequest, RequestNotAllowed
from domain.requests.reminders import Reminders
from persistence.engine import unit_of_work
from persistence.engine.database import Database
from persistence.engine.unit_of_work import Unit
from persistence.notifications import notifying
from persistence.people import blocks, persons
from persistence.requests import request_rows

# Of the requester's row, which alone has them.
_READ = text(
    "SELECT reminders, reminded_at FROM payment_requests WHERE user_id = :user_id AND id = :id"
)
_STORE = text(
    "UPDATE payment_requests SET reminders = :count, reminded_at = :now "
    "WHERE user_id = :user_id AND id = :id"
)


async def remind(db: Database, caller: Principal, request_id: UUID) -> PaymentRequest:
    """The request of the caller whose payer was reminded.

    Raises Unauthenticated where the caller's credential has ended, NotFound, RequestClosed or
    RequestNotAllowed.
    """

    async def work(unit: Unit) -> PaymentRequest:
        # Who else is to be locked; whatever else changes is read again under the locks.
        before = await request_rows.of_requester(unit, caller.user_id, request_id)
        if before is None:
            raise errors.NotFound
        await persons.lock_caller_among(unit, caller, before.users)
        request = await request_rows.of_requester(unit, caller.user_id, request_id)
        assert request is not None
        parameters = {"user_id": caller.user_id, "id": request_id}
        row = (await unit.connection.execute(_READ, parameters)).one()
        now = await unit.clock()
        so_far = Reminders(row.reminders, row.reminded_at)
        payer_id = reminders.check(request, caller.user_id, so_far, now)
        if await blocks.are_between(unit, caller.user_id, [payer_id]):
            raise RequestNotAllowed(reminders.NOT_ALLOWED)
        await unit.connection.execute(_STORE, {**parameters, "count": so_far.count + 1, "now": now})
        await notifying.notify(unit, [_notice(request, payer_id)])
        return request

    return await unit_of_work.run(db, work)


def _notice(request: PaymentRequest, payer_id: UUID) -> Notice:
    return Notice(
        payer_id,
        NotificationKind.REQUEST_REMINDER,
        person_id=request.requester_id,
        subject_id=request.request_id,
        details={"amount_minor": request.amount_minor},
    )
