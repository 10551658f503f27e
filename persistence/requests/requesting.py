"""Creating payment requests, under the locks of their users."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from domain import errors, ids
from domain.ledger import money
from domain.notifications.notices import Notice
from domain.notifications.notification_kinds import NotificationKind
from domain.people import restrictions
from domain.people.restrictions import Restriction
from domain.people.sessions import Principal
from domain.requests import payment_requests
from domain.requests.payment_requests import Draft, PaymentRequest, Pending
from persistence.engine import unit_of_work
from persistence.engine.database import Database
from persistence.engine.unit_of_work import Unit
from persistence.notifications import notifying
from persistence.people import blocks, persons
from persistence.people import restrictions as stored_restrictions
from persistence.requests import request_rows

_BY_KEY = text(
    f"SELECT {request_rows.COLUMNS} FROM payment_requests "  # noqa: S608
    "WHERE user_id = :user_id AND idempotency_key = :key"
)
# All rows are the requester's own.
_PENDING = text(
    """
    SELECT count(*) AS total, count(*) FILTER (WHERE r.payer_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM payment_requests AS p WHERE p.user_id = :user_id AND p.role = 'requester'
            AND p.status = 'paid' AND p.payer_id = r.payer_id
    )) AS strangers
    FROM payment_requests AS r
    WHERE r.user_id = :user_id AND r.role = 'requester' AND r.status = 'pending'
        AND r.expires_at > clock_timestamp()
    """
)
_HAVE_PAID = text(
    "SELECT DISTINCT payer_id FROM payment_requests WHERE user_id = :user_id AND role = 'requester' "
    "AND status = 'paid' AND payer_id = ANY(CAST(:payer_ids AS uuid[]))"
)


async def create(
    db: Database, caller: Principal, draft: Draft, key: str, limits: money.Limits
) -> tuple[PaymentRequest, bool]:
    """The request that the key of the caller created, now or (True) when it was first used.

    Raises Unauthenticated where the caller's credential has ended, IdempotencyKeyReused, and the refusals
    of `requestMoney`.
    """
    request_id = ids.new_id()

    async def work(unit: Unit) -> tuple[PaymentRequest, bool]:
        named = {caller.user_id} if draft.payer_id is None else {caller.user_id, draft.payer_id}
        people = await persons.lock_caller_among(unit, caller, named)
        parameters = {"user_id": caller.user_id, "key": key}
        row = (await unit.connection.execute(_BY_KEY, parameters)).one_or_none()
        if row is not None:
            earlier = request_rows.from_row(row)
            if not draft.is_same_input(earlier, limits.currency):
                raise errors.IdempotencyKeyReused
            return earlier, True
        now = await unit.clock()
        check_may_receive(caller.user_id, people, now)
        request = draft.created(
            request_id,
            now=now,
            limits=limits,
            receivers={row.id for row in people if row.email_verified_at is not None},
        )
        await check_allowed(unit, [request])
        await store(unit, [request], key)
        return request, False

    return await unit_of_work.run(db, work)


def check_may_receive(user_id: UUID, people: Sequence[Row[Any]], now: datetime) -> None:
    """Raises AccountRestricted if that user, one of those who are locked, is barred from receiving money."""
    [requester] = [row for row in people if row.id == user_id]
    restrictions.check(stored_restrictions.untils(requester), Restriction.RECEIVING, now)


async def check_allowed(unit: Unit, new: list[PaymentRequest]) -> None:
    """Raises RequestNotAllowed unless their requester, who is locked, may have those requests too."""
    user_id = new[0].requester_id
    payer_ids = {each.payer_id for each in new if each.payer_id is not None}
    if payer_ids and await blocks.are_between(unit, user_id, payer_ids):
        raise payment_requests.RequestNotAllowed
    row = (await unit.connection.execute(_PENDING, {"user_id": user_id})).one()
    strangers = payer_ids
    if payer_ids:
        parameters = {"user_id": user_id, "payer_ids": list(payer_ids)}
        have_paid: set[UUID | None] = {
            *(await unit.connection.scalars(_HAVE_PAID, parameters)).all()
        }
        strangers = payer_ids - have_paid
    payment_requests.check_pending(
        Pending(row.total, row.strangers), new=len(new), new_to_strangers=len(strangers)
    )


async def store(unit: Unit, new: list[PaymentRequest], key: str | None = None) -> None:
    """Store new requests under their users, who are locked, and notify their payers."""
    await request_rows.insert(unit, new, key)
    received = [
        Notice(
            each.payer_id,
            NotificationKind.REQUEST_RECEIVED,
            person_id=each.requester_id,
            subject_id=each.request_id,
            details={"amount_minor": each.amount_minor},
        )
        for each in new
        if each.payer_id is not None
    ]
    if received:
        await notifying.notify(unit, received)
