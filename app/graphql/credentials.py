"""How long a bearer token stays good, for those who stay connected."""

from __future__ import annotations

import asyncio

from domain import errors, sessions
from resolvers.services import Services


async def wait_for_end(services: Services, principal: sessions.Principal) -> errors.Unauthenticated:
    """Return why, once the token is out of date (TokenExpired) or its session or API token has ended."""
    left = None
    if principal.expires_at is not None:
        left = max(0.0, (principal.expires_at - services.clock()).total_seconds())
    try:
        async with asyncio.timeout(left):
            await services.live.wait_until_ended(principal)
    except TimeoutError:
        return sessions.TokenExpired()
    return errors.Unauthenticated("This session or API token has ended. Sign in again.")
