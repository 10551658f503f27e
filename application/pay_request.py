"""Pay a payment request."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from application import posting
from domain import ids
from domain.authority import Authority
from domain.ledger import metadata as metadata_rules
from domain.ledger import transfers
from domain.ledger.metadata import Pair
from domain.ledger.pay_request import PayRequest, RequestOf
from persistence.ledger.ledger import Movement


async def execute(
    services: posting.PostingServices,
    authority: Authority,
    *,
    asked: RequestOf | None,
    idempotency_key: str,
    metadata: Sequence[Pair] = (),
    not_after: datetime | None = None,
) -> Movement:
    """Pay the request, once per key, and not after `not_after`; None stands for an id that is malformed.

    Raises the refusals of `payRequest`, or Unavailable.
    """
    return await posting.post(
        services,
        PayRequest(
            authority=authority,
            asked=asked,
            idempotency_key=transfers.check_idempotency_key(idempotency_key),
            reference=ids.new_id(),
            metadata=metadata_rules.of(metadata),
            not_after=not_after,
        ),
    )
