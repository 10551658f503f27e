"""Revoke an API token for good."""

from __future__ import annotations

from uuid import UUID

from application.services import Services
from domain import errors
from domain.people.sessions import ApiToken, Principal
from persistence.people import api_tokens


async def execute(services: Services, principal: Principal, api_token_id: UUID | None) -> ApiToken:
    """The token that ended. Raises SessionNotConfirmed, and NotFound as for None."""
    if api_token_id is None:
        raise errors.NotFound
    token = await api_tokens.revoke(services.database, principal, api_token_id)
    await services.live.forget([api_token_id])
    services.wake_relay()
    return token
