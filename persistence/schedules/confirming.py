"""Confirming scheduled transfers with a second factor: once, when they are created."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, text

from domain.ledger import confirmations
from domain.ledger.confirmations import Confirmation, Unconfirmed
from domain.people.second_factors import InvalidSecondFactor
from domain.schedules import scheduling
from domain.schedules.schedules import ScheduledTransfer
from persistence.engine.unit_of_work import Unit
from persistence.people import second_factors

_HAS_PAID = text(
    "SELECT EXISTS (SELECT 1 FROM transactions WHERE user_id = :user_id "
    "AND counterparty_id = :recipient_id AND kind = 'transfer' AND direction = 'outgoing')"
)


async def confirm(
    unit: Unit, person: Row[Any], created: ScheduledTransfer, confirmation: Confirmation
) -> None:
    """Use up the confirmation, if the owner, who is locked, needs one for this scheduled transfer.

    Its answer was verified for `scheduling.subject`. Raises Unconfirmed or InvalidSecondFactor.
    """
    if person.confirm_above is None:
        return
    has_paid: bool = await unit.connection.scalar(
        _HAS_PAID, {"user_id": created.user_id, "recipient_id": created.recipient_id}
    )
    if not confirmations.is_needed(created.amount_minor, person.confirm_above, has_paid=has_paid):
        return
    if not confirmation.is_given:
        raise Unconfirmed(scheduling.subject_of(created))
    if confirmation.factor is None:
        raise InvalidSecondFactor
    await second_factors.consume(unit, confirmation.factor, await unit.clock())
