"""Read what an account is barred from; the caller has checked permission."""

from __future__ import annotations

from uuid import UUID

from application.services import ReadServices
from domain.people.restrictions import Restriction
from persistence.people import restrictions


async def execute(services: ReadServices, user_id: UUID) -> list[Restriction]:
    """The restrictions that are in force. Raises Unavailable."""
    return await restrictions.in_force(services.database, user_id)
