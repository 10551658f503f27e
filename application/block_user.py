"""Block users, unblock them, and read who is blocked."""

from __future__ import annotations

from uuid import UUID

from application.services import Services
from domain import errors
from domain.people.accounts import Person
from domain.people.sessions import Principal
from persistence.people import blocks


async def block(services: Services, caller: Principal, other_id: UUID | None) -> Person:
    """The caller's account. Blocking again changes nothing. None is an id that is malformed.

    Raises NotFound for an unknown or unverified user and for the caller, BadUserInput beyond 1,000 blocked
    users, or Unavailable.
    """
    if other_id is None:
        raise errors.NotFound
    return await blocks.block(services.database, caller, other_id)


async def unblock(services: Services, caller: Principal, other_id: UUID | None) -> Person:
    """The caller's account. Unblocking a user who is not blocked changes nothing.

    Raises NotFound for an unknown user, or Unavailable.
    """
    if other_id is None:
        raise errors.NotFound
    return await blocks.unblock(services.database, caller, other_id)


async def blocked(services: Services, user_id: UUID) -> list[Person]:
    """The users whom the user has blocked, the latest first."""
    return await blocks.blocked_by(services.database, user_id)
