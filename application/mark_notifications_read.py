"""Mark notifications as read."""

from __future__ import annotations

from application.services import Services
from domain.people.accounts import Person
from domain.people.sessions import Principal
from persistence.notifications import preferences


async def execute(services: Services, principal: Principal, *, through: int) -> Person:
    """The account. Marks all notifications up to that number; none becomes unread.

    Raises InvalidInput for a number that no notification has, except 0.
    """
    return await preferences.mark_read(services.database, principal, through)
