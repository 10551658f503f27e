"""What the fields of webhooks may request while they are resolved, also in payloads of webhooks."""

from typing import Protocol
from uuid import UUID

from domain import paging
from domain.people.sessions import Principal
from domain.webhooks import Webhook
from schema.webhook_attempts import WebhookAttemptConnection


class WebhookReads(Protocol):
    """What needs another query."""

    async def webhook(self, principal: Principal, webhook_id: UUID) -> Webhook | None: ...

    async def webhook_attempts(
        self, user_id: UUID, webhook_id: UUID, page: paging.PageRequest
    ) -> WebhookAttemptConnection:
        """Raises BadUserInput for a cursor that is not one of this list."""
        ...


class WebhookContext(Protocol):
    """As much of `info.context` as these fields need."""

    @property
    def principal(self) -> Principal | None: ...

    @property
    def reads(self) -> WebhookReads: ...
