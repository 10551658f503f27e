"""Add money to an account's own balance."""

from __future__ import annotations

from decimal import Decimal

from application import posting
from application.services import Services
from domain import ids
from domain.ledger import transfers
from domain.ledger.add_balance import AddBalance
from domain.people.sessions import Principal
from persistence.ledger.ledger import Movement


async def execute(
    services: Services, principal: Principal, *, amount: Decimal, idempotency_key: str
) -> Movement:
    """Add `amount`, in whole units, once per key. Raises the refusals of `addBalance`, or Unavailable."""
    return await posting.post(
        services,
        AddBalance(
            authority=principal.authority,
            amount=amount,
            idempotency_key=transfers.check_idempotency_key(idempotency_key),
            reference=ids.new_id(),
        ),
    )
