"""Mail a link that resets a password; the answer does not tell whether the address is known."""

from __future__ import annotations

from application import devices
from application.origins import Origin
from application.services import Services
from domain.people.accounts import clean_email
from persistence.delivery import mail_requests
from persistence.people import accounts


async def execute(services: Services, origin: Origin, *, email: str) -> str:
    """The address as it is stored. Raises InvalidInput."""
    email = clean_email(email)
    owner_id = await accounts.user_id_by_email(services.database, email)
    is_known = await devices.is_known(services, origin, owner_id)
    await accounts.request_password_reset(
        services.database,
        email,
        requester=mail_requests.Requester(origin.network, is_known=is_known),
    )
    services.wake_relay()
    return email
