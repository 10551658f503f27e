"""Read an account's own notifications; the caller has checked permission."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from application.services import Services
from domain import errors, paging
from domain.notifications import notification_kinds
from domain.notifications.notification_kinds import NotificationKind
from domain.notifications.views import View
from persistence.notifications import notification_views
from persistence.notifications.preferences import State


async def page(
    services: Services, user_id: UUID, request: paging.PageRequest, *, unread_only: bool
) -> paging.Page[View]:
    """A page of the notifications, newest first. Cursors are numbers."""
    return await notification_views.page(
        services.database, user_id, request, unread_only=unread_only
    )


async def by_numbers(services: Services, user_id: UUID, numbers: Collection[int]) -> Sequence[View]:
    """The user's notifications with those numbers; unknown numbers are left out."""
    return await notification_views.by_numbers(services.database, user_id, numbers)


async def unread(services: Services, user_id: UUID) -> int:
    """How many are not read."""
    return (await _state(services, user_id)).unread


async def mailed(services: Services, user_id: UUID) -> list[NotificationKind]:
    """The kinds that are also mailed."""
    return notification_kinds.mailed_kinds((await _state(services, user_id)).mailed)


async def _state(services: Services, user_id: UUID) -> State:
    found = (await services.notification_states.get([user_id])).get(user_id)
    if found is None:
        raise errors.Unauthenticated
    return found
