"""Resolves the fields of webhooks that need another query, also in payloads of webhooks."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import schema.connections
import schema.webhook_attempts
from application import read_webhooks
from domain import errors, ids, paging
from domain.people.sessions import Principal
from domain.webhooks import Webhook
from persistence.engine.database import Database


class WebhookReads:
    """What is read of webhooks for one request, or one event."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._webhooks: Sequence[Webhook] | None = None

    async def webhook(self, principal: Principal, webhook_id: UUID) -> Webhook | None:
        """One that the viewer manages; all are read once, however many are asked for."""
        if self._webhooks is None:
            self._webhooks = await read_webhooks.every(self._database, principal)
        found = (each for each in self._webhooks if each.webhook_id == webhook_id)
        return next(found, None)

    async def webhook_attempts(
        self, user_id: UUID, webhook_id: UUID, page: paging.PageRequest
    ) -> schema.webhook_attempts.WebhookAttemptConnection:
        """A page of a webhook's attempts. Raises BadUserInput for a foreign cursor."""
        after = None
        if page.after is not None:
            list_name = schema.webhook_attempts.LIST_NAME
            position = schema.connections.read_cursor(page.after, list_name)
            after = ids.read_uuid(position)
            if after is None:
                raise errors.BadUserInput("This cursor does not belong to this list.")
        found = await read_webhooks.attempt_page(
            self._database, user_id, webhook_id, page.size, after
        )
        return schema.webhook_attempts.shown_page(found)
