"""Report a sign-in that was not one's own, with the token of the link in the mail about it."""

from __future__ import annotations

from application import passwords
from application.services import Services
from persistence.people import sign_ins


async def execute(services: Services, *, token: str) -> str:
    """End the session of that sign-in, and mail a link to choose a new password.

    Returns the address of the mail. Raises InvalidToken.
    """
    link = passwords.link_token(token)
    email, session_id = await sign_ins.report(services.database, link)
    if session_id is not None:
        await services.live.forget([session_id])
    services.wake_relay()
    return email
