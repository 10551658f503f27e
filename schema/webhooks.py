"""Webhooks, as their owners see them."""

from datetime import datetime
from uuid import UUID

import strawberry

from domain import ids, webhooks
from domain.webhooks import WebhookStatus, WebhookStream
from schema import errors
from schema.enums import described
from schema.nodes import Node

# Inputs take them from here, so that they are described before.
__all__ = ["InvalidWebhook", "Webhook", "WebhookStatus", "WebhookStream", "global_id", "shown"]

described(
    WebhookStatus,
    "WebhookStatus",
    "Whether a webhook delivers.",
    ACTIVE="Events are delivered.",
    PAUSED="Paused by the owner.",
    DISABLED="Disabled after three days without a successful delivery, or by a 410 response.",
)
described(
    WebhookStream,
    "WebhookStream",
    "The event stream a webhook delivers. Events of a stream have gap-free numbers and are delivered in "
    "order.",
    WALLET_EVENTS="The events of `walletEvents`, numbered by `sequence`.",
    NOTIFICATIONS="The events of `notifications`, numbered by `number`.",
)


@strawberry.type(description="An endpoint that events are delivered to (Standard Webhooks).")
class Webhook(Node):
    # Its attempts are bound in `resolvers.fields`.
    user_id: strawberry.Private[UUID]
    webhook_id: strawberry.Private[UUID]
    url: str = strawberry.field(description="The address that deliveries are sent to.")
    stream: WebhookStream = strawberry.field(description="The stream that it delivers.")
    document: str = strawberry.field(
        description="Subscription document that selects the payload of each delivery."
    )
    status: WebhookStatus = strawberry.field(description="Whether it delivers.")
    delivered_through: int = strawberry.field(
        description=(
            "The highest event number acknowledged by the endpoint. Deliveries continue after it; "
            "`replayWebhook` sets it back."
        )
    )
    created_at: datetime = strawberry.field(description="When it was created.")
    secret_hints: list[str] = strawberry.field(
        description="Last four characters of each active signing secret, newest first."
    )


@errors.represents(webhooks.InvalidWebhook)
@strawberry.type(
    description=(
        "The URL is not a public HTTPS address, or the document is not a valid subscription to the "
        "stream."
    )
)
class InvalidWebhook(errors.UserError):
    fields: list[errors.FieldError] = strawberry.field(description="The invalid fields.")


def global_id(webhook_id: UUID) -> strawberry.ID:
    """The API's id of a webhook."""
    return strawberry.ID(ids.global_id("Webhook", webhook_id))


def shown(webhook: webhooks.Webhook) -> Webhook:
    """The webhook as its owner sees it."""
    return Webhook(
        id=global_id(webhook.webhook_id),
        user_id=webhook.user_id,
        webhook_id=webhook.webhook_id,
        url=webhook.url,
        stream=webhook.stream,
        document=webhook.document,
        status=webhook.status,
        delivered_through=webhook.delivered_through,
        created_at=webhook.created_at,
        secret_hints=list(webhook.secret_hints),
    )
