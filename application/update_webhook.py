"""Change a webhook: its address, its document, or whether it delivers."""

from __future__ import annotations

from uuid import UUID

from application import read_webhooks, webhook_inputs
from application.services import Services
from domain import webhooks
from domain.people.sessions import Principal
from domain.webhooks import Webhook, WebhookStatus
from persistence.webhooks import webhooks as stored
from persistence.webhooks.webhooks import Change


async def execute(
    services: Services,
    principal: Principal,
    webhook_id: UUID | None,
    *,
    url: str | None,
    document: str | None,
    status: WebhookStatus | None,
) -> Webhook:
    """The webhook as it is now; None leaves a field. Raises InvalidWebhook, and NotFound as for None."""
    before = await read_webhooks.one(services.database, principal, webhook_id)
    url = None if url is None else url.strip()
    if status is WebhookStatus.DISABLED:
        raise webhooks.invalid("status", "Choose ACTIVE or PAUSED.")
    await webhook_inputs.check(
        services, url=url, document=document, stream=before.stream, scopes=before.scopes
    )
    changed = Change(url=url, document=document, status=status)
    return await stored.change(services.database, principal, before.webhook_id, changed)
