"""Verify the address of a registration: it becomes that of the account."""

from __future__ import annotations

from application import passwords
from application.origins import Origin
from application.services import Services
from domain import errors
from domain.people import sessions
from domain.people.accounts import MailPurpose
from persistence.people import accounts, registrations


async def execute(
    services: Services,
    principal: sessions.Principal | None,
    origin: Origin,
    *,
    token: str,
    password: str | None,
) -> str:
    """The verified address. The password is needed unless the principal is a session of the registration.

    Raises InvalidToken, InvalidCredentials, and RateLimited where too many passwords are tried.
    """
    link = passwords.link_token(token)
    if not await accounts.is_link_good(services.database, link, MailPurpose.VERIFY_EMAIL):
        raise errors.InvalidToken
    is_own = principal is not None and principal.user_id == link.user_id
    session_id = principal.session_id if principal is not None and is_own else None
    password_hash = None
    if session_id is None:
        password_hash = await _checked_password(services, origin, link, password)
    email = await registrations.verify_email(
        services.database, link, session_id=session_id, password_hash=password_hash
    )
    services.wake_relay()
    return email


async def _checked_password(
    services: Services, origin: Origin, link: sessions.NamedSecret, password: str | None
) -> str:
    """The hash of the registration's password, which is the one given. Raises InvalidCredentials."""
    if password is None:
        raise errors.InvalidCredentials(
            "Enter the password that was chosen with this registration."
        )
    await services.guesses.wait_turn(f"registration:{link.user_id}", origin.network)
    try:
        known = await accounts.password_hash(services.database, link.user_id)
    except errors.Unauthenticated:
        # The registration was discarded meanwhile.
        raise errors.InvalidToken from None
    if not await services.hashing.verify(password, known):
        raise errors.InvalidCredentials("This is not the password of this registration.")
    return known
