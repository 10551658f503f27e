"""Schedule a transfer, once or with a recurrence."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from uuid import UUID

from application.services import Services
from domain import errors
from domain.ledger import transfers
from domain.people.accounts import clean_email
from domain.people.sessions import Principal
from domain.schedules.recurrence import Recurrence
from domain.schedules.schedules import ScheduledTransfer
from domain.schedules.scheduling import Request
from persistence.people import accounts
from persistence.schedules import schedules


async def execute(
    services: Services,
    principal: Principal,
    *,
    recipient: UUID | str | None,
    amount: Decimal,
    note: str | None,
    starts_on: date,
    recurrence: Recurrence | None,
    ends_on: date | None,
    idempotency_key: str,
) -> tuple[ScheduledTransfer, bool]:
    """The scheduled transfer, and whether an earlier request with the key created it.

    `amount` is in whole units. The recipient is a user's id or an email address; None stands for an id
    that is malformed. Raises the refusals of `scheduleTransfer`, or Unavailable.
    """
    key = transfers.check_idempotency_key(idempotency_key)
    malformed = None
    if isinstance(recipient, str):
        try:
            email = clean_email(recipient, ("recipient", "email"))
        except errors.InvalidInput as refusal:
            malformed, recipient = refusal, None
        else:
            recipient = await accounts.user_id_by_email(services.database, email)
    request = Request(recipient, amount, note, starts_on, recurrence, ends_on, key)
    try:
        return await schedules.create(services.database, principal, request, services.limits)
    except errors.RecipientNotFound:
        # Only after the key was looked up: a replay takes precedence over every other rule.
        raise malformed or errors.RecipientNotFound from None
