"""Request money from a user, or from anyone with a link."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from application.services import Services
from domain import errors
from domain.ledger import transfers
from domain.people.accounts import clean_email
from domain.people.sessions import Principal
from domain.requests.payment_requests import Draft, PaymentRequest
from persistence.people import accounts
from persistence.requests import requesting


async def execute(
    services: Services,
    caller: Principal,
    *,
    payer: UUID | str | None,
    is_open: bool,
    amount: Decimal,
    note: str | None,
    expires_at: datetime | None,
    idempotency_key: str,
) -> tuple[PaymentRequest, bool]:
    """The request for `amount`, in whole units, and whether the key had created it before.

    The payer is a user's id or an email address; None stands for an id that is malformed, or for any payer
    if the request `is_open`. Raises the refusals of `requestMoney`, or Unavailable.
    """
    key = transfers.check_idempotency_key(idempotency_key)
    malformed = None
    if isinstance(payer, str):
        try:
            email = clean_email(payer, ("payer", "email"))
        except errors.InvalidInput as refusal:
            malformed, payer = refusal, None
        else:
            payer = await accounts.user_id_by_email(services.database, email)
    draft = Draft(caller.user_id, payer, is_open, amount, note, expires_at)
    try:
        request, replayed = await requesting.create(
            services.database, caller, draft, key, services.limits
        )
    except errors.RecipientNotFound:
        # Only after the key was looked up: a replay takes precedence over every other rule.
        raise malformed or errors.RecipientNotFound from None
    if not replayed:
        services.wake_relay()
    return request, replayed
