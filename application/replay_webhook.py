"""Deliver events to a webhook again."""

from __future__ import annotations

from uuid import UUID

from application.services import Services
from domain import errors
from domain.people.sessions import Principal
from domain.webhooks import Webhook, WebhookStatus
from persistence.webhooks import webhooks
from persistence.webhooks.webhooks import Change


async def execute(
    services: Services, principal: Principal, webhook_id: UUID | None, *, after_number: int
) -> Webhook:
    """The webhook, which delivers all events after that number, also if it was paused or disabled.

    Raises InvalidWebhook for a number that is not in the stream, and NotFound as for None.
    """
    if webhook_id is None:
        raise errors.NotFound
    changed = Change(status=WebhookStatus.ACTIVE, after_number=after_number)
    return await webhooks.change(services.database, principal, webhook_id, changed)
