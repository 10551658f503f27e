"""Read what others see of a user."""

from __future__ import annotations

from application.services import Services
from domain.people import handles
from domain.people.accounts import Person
from persistence.people import handles as stored_handles


async def by_handle(services: Services, typed: str) -> Person | None:
    """The verified user with that handle, with or without "@" in front; None if there is none."""
    handle = handles.typed(typed)
    if not handles.is_handle(handle):
        return None
    user_id = await stored_handles.user_id_by_handle(services.database, handle)
    person = None if user_id is None else await services.person(user_id)
    # Read after the row of the handle, which may have been released in between.
    return person if person is not None and person.handle == handle else None
