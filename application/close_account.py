"""Close an account, given its password."""

from __future__ import annotations

from datetime import datetime

from application.services import Services
from domain import errors
from domain.people.sessions import Principal
from persistence.leaving import closing
from persistence.people import accounts, sessions


async def execute(services: Services, principal: Principal, *, password: str) -> datetime:
    """Returns when personal data is erased; until then, signing in reopens the account.

    Raises SessionNotConfirmed, InvalidCredentials, Forbidden for an operator, BalanceNotZero, or
    TopUpPending.
    """
    await sessions.require_confirmed(services.database, principal)
    password_hash = await accounts.password_hash(services.database, principal.user_id)
    if not await services.hashing.verify(password, password_hash):
        raise errors.InvalidCredentials("The password is wrong.")
    erase_at = await closing.close(
        services.database, principal, password_hash=password_hash, limits=services.limits
    )
    services.wake_relay()
    return erase_at
