"""Read webhooks and their attempts; the caller has checked the scope."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from domain import errors, paging
from domain.people.sessions import Principal
from domain.webhooks import Attempt, Webhook
from persistence.engine.database import Database
from persistence.webhooks import attempts, webhooks


async def every(database: Database, principal: Principal) -> list[Webhook]:
    """The webhooks that the principal may manage: an API token its own, a session all of its user."""
    return await webhooks.list_for(database, principal)


async def by_ids(
    database: Database, principal: Principal, webhook_ids: Collection[UUID]
) -> list[Webhook]:
    """Those of the webhooks that the principal may manage."""
    return await webhooks.by_ids(database, principal, webhook_ids)


async def one(database: Database, principal: Principal, webhook_id: UUID | None) -> Webhook:
    """A webhook that the principal may manage. Raises NotFound, as for None."""
    found = [] if webhook_id is None else await by_ids(database, principal, [webhook_id])
    if not found:
        raise errors.NotFound
    return found[0]


async def attempt_page(
    database: Database, user_id: UUID, webhook_id: UUID, size: int, after: UUID | None
) -> paging.Page[Attempt]:
    """A page of a webhook's attempts, newest first."""
    return await attempts.page(database, user_id, webhook_id, size, after)
