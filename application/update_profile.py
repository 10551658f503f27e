"""Change what other users see of an account."""

from __future__ import annotations

from application.services import Services
from domain import text, time_zones
from domain.people import handles
from domain.people.accounts import Person
from domain.people.sessions import Principal
from persistence.people import accounts


async def execute(
    services: Services,
    principal: Principal,
    *,
    name: str | None,
    time_zone: str | None,
    handle: str | None,
    release_handle: bool,
) -> Person:
    """The account as it is now; None leaves a field unchanged.

    Raises InvalidInput, HandleTaken, or Forbidden for a handle of an unverified user.
    """
    return await accounts.update_profile(
        services.database,
        principal,
        name=None if name is None else text.clean_name(name),
        time_zone=None if time_zone is None else time_zones.clean_time_zone(time_zone),
        handle=None if handle is None else handles.clean_handle(handle),
        release_handle=release_handle,
    )
