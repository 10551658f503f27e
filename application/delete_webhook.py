"""Delete a webhook."""

from __future__ import annotations

from uuid import UUID

from application.services import Services
from domain import errors
from domain.people.accounts import Person
from domain.people.sessions import Principal
from persistence.webhooks import webhooks


async def execute(services: Services, principal: Principal, webhook_id: UUID | None) -> Person:
    """The owner. Raises SessionNotConfirmed, and NotFound as for None."""
    if webhook_id is None:
        raise errors.NotFound
    await webhooks.delete(services.database, principal, webhook_id)
    person = await services.person(principal.user_id)
    if person is None:
        raise errors.Unauthenticated
    return person
