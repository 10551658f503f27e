"""Request money from a user, or from anyone with a link."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from application import recipients
from application.services import Services
from domain import errors
from domain.ledger import transfers
from domain.people.sessions import Principal
from domain.requests.payment_requests import Draft, PaymentRequest
from persistence.requests import requesting


async def execute(
    services: Services,
    caller: Principal,
    *,
    payer: recipients.Named,
    is_open: bool,
    amount: Decimal,
    note: str | None,
    expires_at: datetime | None,
    idempotency_key: str,
) -> tuple[PaymentRequest, bool]:
    """The request for `amount`, in whole units, and whether the key had created it before.

    The payer is None if the request `is_open` to any. Raises the refusals of `requestMoney`, or Unavailable.
    """
    key = transfers.check_idempotency_key(idempotency_key)
    payer_id, refusal = await recipients.resolve(services.database, payer, "payer")
    draft = Draft(caller.user_id, payer_id, is_open, amount, note, expires_at)
    try:
        request, replayed = await requesting.create(
            services.database, caller, draft, key, services.limits
        )
    except errors.RecipientNotFound:
        # Only after the key was looked up: a replay takes precedence over every other rule.
        raise refusal from None
    if not replayed:
        services.wake_relay()
    return request, replayed
