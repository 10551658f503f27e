"""Replace a forgotten password, with the token of a mailed link."""

from __future__ import annotations

from application import passwords
from application.services import Services
from domain import errors
from domain.people.accounts import MailPurpose
from persistence.people import accounts


async def execute(services: Services, *, token: str, password: str) -> accounts.EndedCredentials:
    """What that ended: every session and every API token. Raises InvalidToken and WeakPassword."""
    link = passwords.link_token(token)
    # Verify the link first: without one, no hash is computed and nothing is revealed about passwords.
    if not await accounts.is_link_good(services.database, link, MailPurpose.RESET_PASSWORD):
        raise errors.InvalidToken
    await services.hashing.check(password)
    password_hash = await services.hashing.hash(password)
    ended = await accounts.reset_password(services.database, link, password_hash=password_hash)
    services.wake_relay()
    return ended
