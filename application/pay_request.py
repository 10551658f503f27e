"""Pay a payment request."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from application import step_up
from application.services import Services
from domain import ids
from domain.authority import Authority
from domain.ledger import metadata as metadata_rules
from domain.ledger import pay_request as rules
from domain.ledger import transfers
from domain.ledger.confirmations import Subject
from domain.ledger.metadata import Pair
from domain.ledger.pay_request import PayRequest, RequestOf
from persistence.ledger.ledger import Movement
from persistence.requests import reading


async def execute(
    services: Services,
    authority: Authority,
    *,
    asked: RequestOf | None,
    idempotency_key: str,
    metadata: Sequence[Pair] = (),
    not_after: datetime | None = None,
    confirmation: step_up.Given | None = None,
) -> Movement:
    """Pay the request, once per key, and not after `not_after`; None stands for an id that is malformed.

    Raises the refusals of `payRequest`, or Unavailable.
    """
    command = PayRequest(
        authority=authority,
        asked=asked,
        idempotency_key=transfers.check_idempotency_key(idempotency_key),
        reference=ids.new_id(),
        metadata=metadata_rules.of(metadata),
        not_after=not_after,
    )
    if confirmation is not None and (subject := await _subject(services, command)) is not None:
        return await step_up.post_confirmed(services, command, subject, confirmation)
    return await step_up.post(services, command)


async def _subject(services: Services, command: PayRequest) -> Subject | None:
    """What a confirmation would confirm; None where the ledger refuses the command anyway."""
    asked = command.asked
    if asked is None:
        return None
    # Amount and requester of a request never change.
    found = await reading.by_ids(services.database, asked.requester_id, [asked.request_id])
    request = found.get(asked.request_id)
    return None if request is None else rules.subject(command, request)
