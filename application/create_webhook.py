"""Create a webhook."""

from __future__ import annotations

from application import webhook_inputs
from application.services import Services
from domain.people.sessions import Principal
from domain.webhooks import Webhook, WebhookStream
from persistence.webhooks import webhooks


async def execute(
    services: Services,
    principal: Principal,
    *,
    url: str,
    stream: WebhookStream,
    document: str | None,
    after_number: int | None,
) -> tuple[Webhook, str]:
    """The webhook and its signing secret. Without a document it gets the stream's default.

    Raises InvalidWebhook that names the fields at fault.
    """
    url = url.strip()
    if document is None:
        document = services.webhook_documents.default(stream)
    await webhook_inputs.check(
        services, url=url, document=document, stream=stream, scopes=principal.scopes
    )
    return await webhooks.create(
        services.database,
        services.webhook_keys,
        principal,
        url=url,
        stream=stream,
        document=document,
        after_number=after_number,
    )
