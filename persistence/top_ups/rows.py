"""Rows of top-ups, as objects of the domain."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from domain.top_ups.provider import Session
from domain.top_ups.top_ups import Refund, Status, TopUp
from persistence.engine.unit_of_work import Unit

_FIND = text("SELECT * FROM top_ups WHERE user_id = :user_id AND id = :top_up_id")


def top_up(row: Row[Any]) -> TopUp:
    """The top-up in a row."""
    session = None
    if row.session_id is not None:
        session = Session(row.session_id, row.checkout_url, row.expires_at)
    return TopUp(
        user_id=row.user_id,
        top_up_id=row.id,
        provider=row.provider,
        amount_minor=row.amount,
        status=Status(row.status),
        idempotency_key=row.idempotency_key,
        api_token_id=row.api_token_id,
        created_at=row.created_at,
        session=session,
        payment_id=row.payment_id,
        sequence=row.sequence,
        reference=row.reference,
        refund=None if row.refund is None else Refund(row.refund),
    )


async def find(unit: Unit, user_id: UUID, top_up_id: UUID) -> TopUp | None:
    """A top-up, in a unit of work that has locked its user."""
    names = {"user_id": user_id, "top_up_id": top_up_id}
    row = (await unit.connection.execute(_FIND, names)).one_or_none()
    return None if row is None else top_up(row)
