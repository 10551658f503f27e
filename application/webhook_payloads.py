"""What a delivery to a webhook says: the body (Standard Webhooks) and its parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import orjson

from domain import text, webhooks
from domain.streams import Epoch
from domain.webhooks import Webhook, WebhookStream


class NotRendered(Exception):
    """The payload of an event could not be made; the text says why, for the webhook's owner."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """An event as a subscriber with the webhook's document receives it."""

    number: int
    created_at: datetime
    #: `data`, and `errors` if there are any.
    result: Mapping[str, Any]


class Documents(Protocol):
    """Executes the documents of webhooks; `app` implements it."""

    def default(self, stream: WebhookStream) -> str:
        """The document of a webhook that was created without one."""

    def problem(self, stream: WebhookStream, document: str) -> str | None:
        """Why the document cannot be the document of a webhook of that stream; None if it can."""

    async def render(self, webhook: Webhook, event: Any) -> Rendered:
        """Execute the webhook's document for an event of its stream.

        Raises NotRendered, and Unavailable where the service is the reason.
        """


def body(webhook: Webhook, rendered: Rendered, epoch: Epoch) -> str:
    """The body of the request, the same for every attempt."""
    content = {
        "type": webhooks.EVENT_TYPES[webhook.stream],
        "timestamp": text.rfc3339(rendered.created_at),
        "number": rendered.number,
        "epoch": str(epoch.epoch_id),
        **rendered.result,
    }
    return orjson.dumps(content).decode()
