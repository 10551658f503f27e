"""Send money from one account to another."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from application import posting, recipients
from domain import errors, ids
from domain.authority import Authority
from domain.ledger import metadata as metadata_rules
from domain.ledger import transfers
from domain.ledger.metadata import Pair
from domain.ledger.send_money import SendMoney
from persistence.ledger.ledger import Movement


async def execute(
    services: posting.PostingServices,
    authority: Authority,
    *,
    recipient: recipients.Named,
    amount: Decimal,
    note: str | None,
    idempotency_key: str,
    metadata: Sequence[Pair] = (),
    not_after: datetime | None = None,
) -> Movement:
    """Send `amount`, in whole units, once per key, and not after `not_after`.

    Raises the refusals of `sendMoney`, or Unavailable.
    """
    key = transfers.check_idempotency_key(idempotency_key)
    recipient_id, refusal = await recipients.resolve(services.database, recipient)
    try:
        return await posting.post(
            services,
            SendMoney(
                authority=authority,
                recipient_id=recipient_id,
                amount=amount,
                note=note,
                idempotency_key=key,
                reference=ids.new_id(),
                metadata=metadata_rules.of(metadata),
                not_after=not_after,
            ),
        )
    except errors.RecipientNotFound:
        # Only after the ledger has looked up the key: a replay takes precedence over every other rule.
        raise refusal from None
