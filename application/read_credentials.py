"""Read an account's own sessions and API tokens; the caller has checked permission."""

from __future__ import annotations

from uuid import UUID

from application.services import Services
from domain.people.sessions import ApiToken, Session
from persistence.people import api_tokens, sessions


async def active_sessions(services: Services, user_id: UUID) -> list[Session]:
    """The sessions that have not ended."""
    return await sessions.list_for(services.database, user_id)


async def active_api_tokens(services: Services, user_id: UUID) -> list[tuple[ApiToken, int | None]]:
    """The API tokens that have neither been revoked nor expired, each with what is left of its daily limit
    in minor units; None is no limit."""
    listed = await api_tokens.list_for(services.database, user_id)
    limited = [token.api_token_id for token in listed if token.daily_limit_minor is not None]
    budgets = await api_tokens.budgets(services.database, user_id, limited) if limited else {}
    # A token without a budget has ended after it was listed.
    return [
        (
            token,
            budgets[token.api_token_id].remaining_minor if token.api_token_id in budgets else None,
        )
        for token in listed
        if token.daily_limit_minor is None or token.api_token_id in budgets
    ]
