"""Read an account's own sessions and API tokens; whether the caller may was checked before."""

from __future__ import annotations

from uuid import UUID

from application.services import Services
from domain.people.sessions import ApiToken, Session
from persistence.people import api_tokens, sessions


async def active_sessions(services: Services, user_id: UUID) -> list[Session]:
    """The sessions that have not ended."""
    return await sessions.list_for(services.database, user_id)


async def active_api_tokens(services: Services, user_id: UUID) -> list[ApiToken]:
    """The API tokens that have neither been revoked nor expired."""
    return await api_tokens.list_for(services.database, user_id)
