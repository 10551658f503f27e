"""Register an account, whose address is verified later.

The answer and the work are the same whether or not the address is known.
"""

from __future__ import annotations

from collections.abc import Callable

from application import passwords
from application.origins import Origin
from application.services import Services
from domain import errors, text, time_zones
from domain.people.accounts import clean_email
from persistence.delivery import mail_requests
from persistence.people import registrations


async def execute(
    services: Services,
    origin: Origin,
    *,
    name: str,
    email: str,
    password: str,
    time_zone: str | None = None,
) -> str:
    """The address as it is stored. Raises InvalidInput, which names every invalid field, or WeakPassword."""
    invalid: list[errors.FieldError] = []
    name = _cleaned(invalid, text.clean_name, name)
    email = _cleaned(invalid, clean_email, email)
    time_zone = _cleaned(invalid, time_zones.clean_time_zone, time_zone or time_zones.UTC)
    if invalid:
        raise errors.InvalidInput(invalid)
    await services.hashing.check(password)
    password_hash = await services.hashing.hash(
        password, salt_seed=passwords.salt_seed(services, email)
    )
    await registrations.register(
        services.database,
        name=name,
        email=email,
        password_hash=password_hash,
        time_zone=time_zone,
        requester=mail_requests.Requester(origin.network),
    )
    services.wake_relay()
    return email


def _cleaned(invalid: list[errors.FieldError], clean: Callable[[str], str], raw: str) -> str:
    """The field as it is stored; if it is refused, its errors are added to `invalid`."""
    try:
        return clean(raw)
    except errors.InvalidInput as refusal:
        invalid.extend(refusal.fields)
        return ""
