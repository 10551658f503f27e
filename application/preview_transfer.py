"""Calculate the cost of a transfer without sending it."""

from __future__ import annotations

from decimal import Decimal

from application.services import Services
from domain import errors
from domain.ledger import transfers
from domain.people.sessions import Principal
from persistence.people import api_tokens


async def execute(services: Services, principal: Principal, amount: Decimal) -> transfers.Preview:
    """The fee, the missing amount, and the most that could be sent. Raises InvalidAmount."""
    person = await services.person(principal.user_id)
    if person is None:
        raise errors.Unauthenticated
    remaining_minor = None
    if principal.api_token_id is not None:
        budget = await api_tokens.budget(
            services.database, principal.user_id, principal.api_token_id
        )
        remaining_minor = budget.remaining_minor
    return transfers.preview(
        amount, person.balance_minor, services.limits, remaining_minor=remaining_minor
    )
