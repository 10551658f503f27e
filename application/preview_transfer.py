"""Calculate the cost of a transfer, and say who would get it, without sending it."""

from __future__ import annotations

from decimal import Decimal

from application import recipients
from application.services import Services
from domain import errors
from domain.ledger import transfers
from domain.people.recipient_checks import RecipientCheck
from domain.people.sessions import Principal
from persistence.people import accounts, api_tokens, lookalikes


async def execute(services: Services, principal: Principal, amount: Decimal) -> transfers.Preview:
    """The fee, the missing amount, and the most that could be sent. Raises InvalidAmount."""
    person = await services.person(principal.user_id)
    if person is None:
        raise errors.Unauthenticated
    confirm_above_minor = await accounts.confirm_above_minor(services.database, person.user_id)
    remaining_minor = None
    if principal.api_token_id is not None:
        budget = await api_tokens.budget(
            services.database, principal.user_id, principal.api_token_id
        )
        remaining_minor = budget.remaining_minor
        if budget.daily_limit_minor is None and confirm_above_minor is not None:
            # As the ledger decides for `sendMoney`.
            remaining_minor = 0
        confirm_above_minor = None
    return transfers.preview(
        amount,
        person.balance_minor,
        services.limits,
        remaining_minor=remaining_minor,
        confirm_above_minor=confirm_above_minor,
    )


async def recipient(
    services: Services, principal: Principal, named: recipients.Named
) -> RecipientCheck:
    """Who would get the money, for a verified caller.

    Raises RecipientNotFound, CannotPayYourself, or RateLimited if too many of the caller's searches are
    waiting.
    """
    db, user_id = services.database, principal.user_id
    recipient_id, _ = await recipients.resolve(db, named)
    if recipient_id == user_id:
        raise errors.CannotPayYourself
    person = None if recipient_id is None else await accounts.payee(db, recipient_id)
    if person is None:
        raise errors.RecipientNotFound
    async with services.searches.turn(user_id):
        payments = await lookalikes.payments(db, user_id, person.user_id)
        alike = await services.people.get(await lookalikes.among_paid(db, user_id, person))
    return RecipientCheck(person, payments, sorted(alike.values(), key=lambda each: each.user_id))
