"""Add money to an account's own balance."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from application import posting
from domain import ids
from domain.authority import Authority
from domain.ledger import metadata as metadata_rules
from domain.ledger import transfers
from domain.ledger.add_balance import AddBalance
from domain.ledger.metadata import Pair
from persistence.ledger.ledger import Movement


async def execute(
    services: posting.PostingServices,
    authority: Authority,
    *,
    amount: Decimal,
    idempotency_key: str,
    metadata: Sequence[Pair] = (),
    not_after: datetime | None = None,
) -> Movement:
    """Add `amount`, in whole units, once per key, and not after `not_after`.

    Raises the refusals of `addBalance`, or Unavailable.
    """
    return await posting.post(
        services,
        AddBalance(
            authority=authority,
            amount=amount,
            idempotency_key=transfers.check_idempotency_key(idempotency_key),
            reference=ids.new_id(),
            metadata=metadata_rules.of(metadata),
            not_after=not_after,
        ),
    )
