"""Schedule a transfer, once or with a recurrence."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from application import recipients
from application.services import Services
from domain import errors
from domain.ledger import transfers
from domain.people.sessions import Principal
from domain.schedules.recurrence import Recurrence
from domain.schedules.schedules import ScheduledTransfer
from domain.schedules.scheduling import Request
from persistence.schedules import schedules


async def execute(
    services: Services,
    principal: Principal,
    *,
    recipient: recipients.Named,
    amount: Decimal,
    note: str | None,
    starts_on: date,
    recurrence: Recurrence | None,
    ends_on: date | None,
    idempotency_key: str,
) -> tuple[ScheduledTransfer, bool]:
    """The scheduled transfer, and whether an earlier request with the key created it.

    `amount` is in whole units. Raises the refusals of `scheduleTransfer`, or Unavailable.
    """
    key = transfers.check_idempotency_key(idempotency_key)
    recipient_id, refusal = await recipients.resolve(services.database, recipient)
    request = Request(recipient_id, amount, note, starts_on, recurrence, ends_on, key)
    try:
        return await schedules.create(services.database, principal, request, services.limits)
    except errors.RecipientNotFound:
        # Only after the key was looked up: a replay takes precedence over every other rule.
        raise refusal from None
