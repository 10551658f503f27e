"""Read top-ups; the caller has checked the scope."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from application.services import ReadServices
from domain import paging
from domain.top_ups.top_ups import TopUp
from persistence.top_ups import top_ups


async def page(
    services: ReadServices, user_id: UUID, size: int, after: UUID | None
) -> paging.Page[TopUp]:
    """A page of the user's top-ups, newest first; `after` is the id of the last one seen."""
    return await top_ups.page(services.database, user_id, size, after)


async def by_ids(
    services: ReadServices, user_id: UUID, top_up_ids: Collection[UUID]
) -> list[TopUp]:
    """Those of the user's top-ups."""
    return await top_ups.by_ids(services.database, user_id, top_up_ids)
