"""Continue a session: a new access token, and the successor of the refresh token."""

from __future__ import annotations

from application.services import Services
from application.signed_in import SignedIn, signed_in
from domain import errors
from domain.people import sessions as rules
from persistence.people import sessions


async def execute(services: Services, *, refresh_token: str) -> SignedIn:
    """The session with new credentials. Raises InvalidToken; a token used too late ends its session."""
    secrets = services.settings.jwt_secrets
    try:
        token = rules.read_refresh_token(refresh_token, secrets)
        refreshed = await sessions.refresh(
            services.database, token, refresh_token, jwt_secrets=secrets
        )
    except errors.InvalidToken:
        services.wake_relay()
        raise
    return signed_in(
        services,
        refreshed.person,
        refreshed.token,
        refreshed.token_text,
        refreshed.lifetime_left,
    )
