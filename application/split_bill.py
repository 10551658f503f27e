"""Split a bill: request a share of it from each of several users."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from application import recipients
from application.services import ReadServices, Services
from domain import errors
from domain.ledger import transfers
from domain.people.sessions import Principal
from domain.requests.splits import MAXIMUM_PAYERS, SplitDraft
from persistence.requests import splitting
from persistence.requests.splitting import Split


async def execute(
    services: Services,
    caller: Principal,
    *,
    total: Decimal,
    payers: Sequence[recipients.Named],
    includes_caller: bool,
    amounts: Sequence[Decimal] | None,
    note: str | None,
    expires_at: datetime | None,
    idempotency_key: str,
) -> tuple[Split, bool]:
    """The split of `total`, in whole units, and whether the key had created it before.

    Raises the refusals of `splitBill`, or Unavailable.
    """
    key = transfers.check_idempotency_key(idempotency_key)
    if len(payers) > MAXIMUM_PAYERS:
        raise errors.invalid("payers", f"Name 1 to {MAXIMUM_PAYERS} payers.")
    found = [await recipients.resolve(services.database, each, "payers") for each in payers]
    draft = SplitDraft(
        user_id=caller.user_id,
        payer_ids=[payer_id for payer_id, _ in found],
        total=total,
        includes_user=includes_caller,
        amounts=amounts,
        note=note,
        expires_at=expires_at,
    )
    try:
        split, replayed = await splitting.create(
            services.database, caller, draft, key, services.limits
        )
    except errors.RecipientNotFound as unknown:
        # Only after the key was looked up: a replay takes precedence over every other rule.
        raise next((refusal for payer_id, refusal in found if payer_id is None), unknown) from None
    if not replayed:
        services.wake_relay()
    return split, replayed


async def by_ids(services: ReadServices, user_id: UUID, split_ids: Collection[UUID]) -> list[Split]:
    """Those of the splits that the user made or has a share of."""
    return await splitting.by_ids(services.database, user_id, split_ids)
