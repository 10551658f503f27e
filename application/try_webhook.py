"""Try out a webhook with an event of its stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from application import read_webhooks, webhook_inputs, webhook_payloads
from application.services import Services
from application.webhook_payloads import NotRendered
from domain import webhooks
from domain.people.sessions import Principal
from domain.webhooks import Attempt, Webhook
from persistence.webhooks import attempts, deliveries, secrets


@dataclass(frozen=True, slots=True)
class Tested:
    """A delivery, and what came of it if it was sent."""

    headers: Mapping[str, str]
    body: str
    attempt: Attempt | None


async def execute(
    services: Services,
    principal: Principal,
    webhook_id: UUID | None,
    *,
    document: str | None,
    send: bool,
) -> Tested:
    """The delivery of the latest event. With `send` an event is sent, once: the latest one too, unless some
    are not delivered yet; then the first of those.

    `document` previews a delivery with another document, which is not sent; None is the webhook's own.
    Raises InvalidWebhook where there is nothing to deliver or the document is not valid, NotFound as for
    None, and RateLimited where too many of the user's tests are waiting.
    """
    webhook = await read_webhooks.one(services.database, principal, webhook_id)
    if document is not None:
        if send:
            raise webhooks.invalid("document", "Save the document before you send a test with it.")
        await webhook_inputs.check(
            services, url=None, document=document, stream=webhook.stream, scopes=webhook.scopes
        )
        webhook = replace(webhook, document=document)
    async with services.webhook_tests.turn(principal.user_id):
        return await _test(services, webhook, send=send)


async def _test(services: Services, webhook: Webhook, *, send: bool) -> Tested:
    database = services.database
    find = deliveries.event_to_send if send else deliveries.latest_event
    number, event = await find(database, webhook)
    if event is None:
        raise webhooks.invalid("webhookId", "There is no event yet that could be delivered.")
    try:
        rendered = await services.webhook_documents.render(webhook, event)
    except NotRendered as error:
        raise webhooks.invalid("document", str(error)) from None
    epoch = await services.live.epoch()
    body = webhook_payloads.body(webhook, rendered, epoch)
    signing = await secrets.read(
        database, services.webhook_keys, webhook.user_id, webhook.webhook_id
    )
    if not signing:
        raise webhooks.invalid("webhookId", webhooks.SECRET_UNREADABLE)
    event_id = webhooks.event_id(webhook.webhook_id, number, epoch.restored_id)
    headers = webhooks.signed_headers(signing, event_id, datetime.now(UTC), body)
    if not send:
        return Tested(headers, body, None)
    outcome = await services.endpoints.post(webhook.url, headers, body.encode())
    attempt = await attempts.add_alone(
        database,
        webhook.user_id,
        webhook.webhook_id,
        number,
        replace(outcome, epoch_id=epoch.restored_id),
    )
    return Tested(headers, body, attempt)
