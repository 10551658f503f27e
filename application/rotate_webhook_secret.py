"""Give a webhook another signing secret."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from application.services import Services
from domain import errors, webhooks
from domain.people.sessions import Principal
from domain.webhooks import Webhook
from persistence.webhooks import webhooks as stored


async def execute(
    services: Services, principal: Principal, webhook_id: UUID | None, *, overlap_seconds: int
) -> tuple[Webhook, str]:
    """The webhook and its new secret; those before it sign for so long too.

    Raises InvalidInput, and NotFound as for None.
    """
    maximum = int(webhooks.MAXIMUM_OVERLAP.total_seconds())
    if not 0 <= overlap_seconds <= maximum:
        raise errors.invalid(
            "overlapSeconds", f"Choose a number from 0 to {maximum}, which is 30 days."
        )
    if webhook_id is None:
        raise errors.NotFound
    return await stored.rotate_secret(
        services.database,
        services.webhook_keys,
        principal,
        webhook_id,
        timedelta(seconds=overlap_seconds),
    )
