"""Send another verification mail; the answer does not tell whether the address waits for one."""

from __future__ import annotations

from application.origins import Origin
from application.services import Services
from domain.people.accounts import clean_email
from domain.people.sessions import Principal
from persistence.delivery import mail_requests
from persistence.people import registrations


async def execute(
    services: Services, principal: Principal | None, origin: Origin, *, email: str
) -> str:
    """The address as it is stored. Raises InvalidInput."""
    email = clean_email(email)
    own_id = None
    if principal is not None and principal.session_id is not None:
        person = await services.person(principal.user_id)
        if person is not None and person.email_verified_at is None and person.email == email:
            own_id = person.user_id
    await registrations.resend_verification(
        services.database, email, user_id=own_id, requester=mail_requests.Requester(origin.network)
    )
    services.wake_relay()
    return email
