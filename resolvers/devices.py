"""Whether a request comes from a device that signed in to an account before."""

from __future__ import annotations

from uuid import UUID

from domain import ids
from domain.people import devices
from persistence.people import sessions
from resolvers.guards import network
from resolvers.request import RequestContext


async def is_known(context: RequestContext, user_id: UUID | None) -> bool:
    """Whether the device signed in to that account before, by its cookie or by its network.

    The work is the same for nobody's account. Raises Unavailable.
    """
    services = context.services
    addresses = await sessions.addresses_of(services.database, user_id or ids.new_id())
    signed_in = devices.accounts(
        context.device_token, jwt_secrets=services.settings.jwt_secrets, now=services.clock()
    )
    own_network = network(context.client_ip)
    return user_id in signed_in or own_network in {network(address) for address in addresses}


def remember(context: RequestContext, user_id: UUID) -> None:
    """Have the browser keep that it signed in to that account."""
    services = context.services
    context.device_token_to_set = devices.remember(
        user_id,
        context.device_token,
        jwt_secrets=services.settings.jwt_secrets,
        now=services.clock(),
    )
