"""Change what other users see of an account."""

from __future__ import annotations

from application.services import Services
from domain import text
from domain.people.accounts import Person
from domain.people.sessions import Principal
from persistence.people import accounts


async def execute(services: Services, principal: Principal, *, name: str) -> Person:
    """The account as it is now. Raises InvalidInput."""
    return await accounts.update_profile(services.database, principal, name=text.clean_name(name))
