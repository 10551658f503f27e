"""Known devices: those that have signed in to an account before."""

from __future__ import annotations

from uuid import UUID

from application.origins import Origin
from application.services import Services
from domain import ids
from domain.networks import network
from domain.people import devices
from persistence.people import sessions


async def is_known(services: Services, origin: Origin, user_id: UUID | None) -> bool:
    """Whether the device has signed in to that account before, by its token or its network.

    The work is the same for an account that does not exist. Raises Unavailable.
    """
    addresses = await sessions.addresses_of(services.database, user_id or ids.new_id())
    signed_in = devices.accounts(
        origin.device_token, jwt_secrets=services.settings.jwt_secrets, now=services.clock()
    )
    return user_id in signed_in or origin.network in {network(address) for address in addresses}


def remember(services: Services, device_token: str | None, user_id: UUID) -> str:
    """The new token of a device with `device_token` that has now signed in to that account too."""
    return devices.remember(
        user_id, device_token, jwt_secrets=services.settings.jwt_secrets, now=services.clock()
    )
