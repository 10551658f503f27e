"""Send money from one account to another."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from application import posting
from domain import errors, ids
from domain.authority import Authority
from domain.ledger import metadata as metadata_rules
from domain.ledger import transfers
from domain.ledger.metadata import Pair
from domain.ledger.send_money import SendMoney
from domain.people.accounts import clean_email
from persistence.ledger.ledger import Movement
from persistence.people import accounts


async def execute(
    services: posting.PostingServices,
    authority: Authority,
    *,
    recipient: UUID | str | None,
    amount: Decimal,
    note: str | None,
    idempotency_key: str,
    metadata: Sequence[Pair] = (),
    not_after: datetime | None = None,
) -> Movement:
    """Send `amount`, in whole units, once per key, and not after `not_after`.

    The recipient is a user's id or an email address; None stands for an id that is malformed.
    Raises the refusals of `sendMoney`, or Unavailable.
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
    try:
        return await posting.post(
            services,
            SendMoney(
                authority=authority,
                recipient_id=recipient,
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
        raise malformed or errors.RecipientNotFound from None
