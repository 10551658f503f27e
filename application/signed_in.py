"""The result of signing in and of refreshing a session."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from application.origins import Origin
from application.services import Services
from domain import ids
from domain.people import sessions
from domain.people.accounts import Person
from persistence.people.sign_ins import NewSession


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new or continued session with its credentials."""

    person: Person
    principal: sessions.Principal
    access_token: str
    #: When the access token expires.
    expires_at: datetime
    refresh_token: str
    #: How long the refresh token is accepted if it is not used.
    refresh_lifetime: timedelta


def new_session(
    services: Services,
    origin: Origin,
    user_id: UUID,
    *,
    is_known: bool,
    confirmed_by_factor: bool = False,
) -> NewSession:
    """A session of that user to begin, for the client and device of the request."""
    token = sessions.first_refresh_token(user_id, ids.new_id())
    return NewSession(
        token,
        token.render(services.settings.jwt_secrets[0]),
        user_agent=origin.device,
        ip_address=origin.ip_address,
        place=services.places.of(origin.ip_address),
        is_known=is_known,
        confirmed_by_factor=confirmed_by_factor,
    )


def signed_in(
    services: Services,
    person: Person,
    token: sessions.RefreshToken,
    token_text: str,
    lifetime: timedelta,
) -> SignedIn:
    """Issue an access token for the session of that refresh token."""
    principal = sessions.Principal(user_id=person.user_id, session_id=token.session_id)
    access_token, expires_at = sessions.issue_access_token(
        principal,
        issuer=services.settings.app_url,
        secret=services.settings.jwt_secrets[0],
        lifetime=timedelta(seconds=services.settings.access_token_seconds),
        now=services.clock(),
    )
    return SignedIn(person, principal, access_token, expires_at, token_text, lifetime)
