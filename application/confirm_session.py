"""Confirm that the signed-in user is present, as security-sensitive operations require."""

from __future__ import annotations

from datetime import datetime

from application.services import Services
from domain import errors
from domain.people.sessions import Principal
from persistence.people import accounts, sessions


async def execute(services: Services, principal: Principal, *, password: str) -> datetime:
    """Returns until when the session counts as confirmed. Raises InvalidCredentials."""
    password_hash = await accounts.password_hash(services.database, principal.user_id)
    if not await services.hashing.verify(password, password_hash):
        raise errors.InvalidCredentials("The password is wrong.")
    return await sessions.confirm(services.database, principal, password_hash=password_hash)
