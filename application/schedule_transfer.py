"""Schedule a transfer, once or with a recurrence."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from application import recipients, step_up
from application.services import Services
from domain import errors
from domain.ledger import confirmations, transfers
from domain.ledger.confirmations import Confirmation, Unconfirmed
from domain.people.second_factors import InvalidSecondFactor
from domain.people.sessions import Principal
from domain.schedules import scheduling
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
    confirmation: step_up.Given | None = None,
) -> tuple[ScheduledTransfer, bool]:
    """The scheduled transfer, and whether an earlier request with the key created it.

    `amount` is in whole units. Raises the refusals of `scheduleTransfer`, or Unavailable.
    """
    key = transfers.check_idempotency_key(idempotency_key)
    recipient_id, refusal = await recipients.resolve(services.database, recipient)
    request = Request(recipient_id, amount, note, starts_on, recurrence, ends_on, key)
    confirmed, invalid = await _confirmation(services, principal, request, confirmation)
    try:
        return await schedules.create(
            services.database, principal, request, services.limits, confirmed
        )
    except Unconfirmed as unconfirmed:
        raise await step_up.required(services, principal.authority, unconfirmed.subject) from None
    except InvalidSecondFactor as refused:
        raise invalid or refused from None
    except errors.RecipientNotFound:
        # Only after the key was looked up: a replay takes precedence over every other rule.
        raise refusal from None


async def _confirmation(
    services: Services, principal: Principal, request: Request, given: step_up.Given | None
) -> tuple[Confirmation, errors.DomainError | None]:
    """The confirmation, and why its answer is refused if one is needed. Programs are exempt."""
    if given is None or principal.session_id is None:
        return confirmations.NOT_GIVEN, None
    subject = scheduling.subject(request, services.limits.currency)
    if subject is None:
        return confirmations.NOT_GIVEN, None
    factor, refusal = await step_up.verify(services, principal.authority, subject, given)
    return Confirmation(is_given=True, factor=factor), refusal
