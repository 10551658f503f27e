"""Send money from one account to another."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from application import recipients, step_up
from application.services import Services
from domain import errors, ids
from domain.authority import Authority
from domain.ledger import metadata as metadata_rules
from domain.ledger import money, transfers
from domain.ledger.confirmations import Subject
from domain.ledger.metadata import Pair
from domain.ledger.send_money import SendMoney
from persistence.ledger.ledger import Movement


async def execute(
    services: Services,
    authority: Authority,
    *,
    recipient: recipients.Named,
    amount: Decimal,
    note: str | None,
    idempotency_key: str,
    metadata: Sequence[Pair] = (),
    not_after: datetime | None = None,
    confirmation: step_up.Given | None = None,
) -> Movement:
    """Send `amount`, in whole units, once per key, and not after `not_after`.

    Raises the refusals of `sendMoney`, or Unavailable.
    """
    key = transfers.check_idempotency_key(idempotency_key)
    recipient_id, refusal = await recipients.resolve(services.database, recipient)
    command = SendMoney(
        authority=authority,
        recipient_id=recipient_id,
        amount=amount,
        note=note,
        idempotency_key=key,
        reference=ids.new_id(),
        metadata=metadata_rules.of(metadata),
        not_after=not_after,
    )
    try:
        if confirmation is not None and (subject := _subject(services, command)) is not None:
            return await step_up.post_confirmed(services, command, subject, confirmation)
        return await step_up.post(services, command)
    except errors.RecipientNotFound:
        # Only after the ledger has looked up the key: a replay takes precedence over every other rule.
        raise refusal from None


def _subject(services: Services, command: SendMoney) -> Subject | None:
    """What a confirmation would confirm; None where the ledger refuses the command anyway."""
    amount_minor = money.minor_units(command.amount, services.limits.currency)
    if command.recipient_id is None or amount_minor is None:
        return None
    return Subject(command.recipient_id, amount_minor, command.idempotency_key)
