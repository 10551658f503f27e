"""Choose which kinds of notification are also sent by mail."""

from __future__ import annotations

from collections.abc import Sequence

from application.services import Services
from domain import errors
from domain.notifications import notification_kinds
from domain.notifications.notification_kinds import NotificationKind
from domain.people.accounts import Person
from domain.people.sessions import Principal
from persistence.notifications import preferences


async def execute(
    services: Services, principal: Principal, *, chosen: Sequence[NotificationKind]
) -> Person:
    """The account. Exactly those kinds are mailed, besides those that always are.

    Raises InvalidInput where a kind is named twice.
    """
    if len(set(chosen)) < len(chosen):
        raise errors.invalid("kinds", "Name each kind once.")
    return await preferences.set_mailed(
        services.database, principal, notification_kinds.chosen_kinds(chosen)
    )
