"""Change a password, given the current one."""

from __future__ import annotations

from application import passwords
from application.services import Services
from domain import errors
from domain.people.sessions import Principal
from persistence.people import accounts


async def execute(
    services: Services,
    principal: Principal,
    *,
    current_password: str,
    new_password: str,
    revoke_api_tokens: bool,
) -> accounts.EndedCredentials:
    """The numbers of ended sessions and API tokens: all other sessions, and the API tokens if requested.

    Raises InvalidCredentials or WeakPassword.
    """
    old_hash = await accounts.password_hash(services.database, principal.user_id)
    if not await services.hashing.verify(current_password, old_hash):
        raise errors.InvalidCredentials("The current password is wrong.")
    await services.hashing.check(new_password)
    person = await services.person(principal.user_id)
    if person is None:
        raise errors.Unauthenticated
    is_verified = person.email_verified_at is not None
    salt_seed = None if is_verified else passwords.salt_seed(services, person.email)
    ended = await accounts.change_password(
        services.database,
        principal,
        old_hash=old_hash,
        password_hash=await services.hashing.hash(new_password, salt_seed=salt_seed),
        revoke_api_tokens=revoke_api_tokens,
    )
    services.wake_relay()
    return ended
