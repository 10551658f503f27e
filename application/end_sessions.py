"""End sessions: the current one, another one, or all of them."""

from __future__ import annotations

from uuid import UUID

from application.services import Services
from domain import errors
from domain.people.sessions import Principal
from persistence.people import sessions


async def sign_out(services: Services, principal: Principal, *, everywhere: bool) -> int:
    """End all sessions of the account, or only the current one; returns how many."""
    if everywhere:
        ended = await sessions.end_all(services.database, principal)
    else:
        ended = int(await sessions.end(services.database, principal, principal.credential_id))
    await services.live.forget([principal.credential_id])
    services.wake_relay()
    return ended


async def revoke(services: Services, principal: Principal, session_id: UUID | None) -> None:
    """End one session of the account. Raises NotFound, also for None."""
    if session_id is None or not await sessions.end(services.database, principal, session_id):
        raise errors.NotFound
    await services.live.forget([session_id])
    services.wake_relay()
