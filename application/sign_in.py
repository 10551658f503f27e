"""Sign in with an email address and a password."""

from __future__ import annotations

from application import devices
from application.origins import Origin
from application.services import Services
from application.signed_in import SignedIn, signed_in
from domain import errors, ids
from domain.people import sessions as rules
from domain.people.accounts import address_key, clean_email
from persistence.people import accounts, sessions


async def execute(services: Services, origin: Origin, *, email: str, password: str) -> SignedIn:
    """A new session. Guesses from unknown devices are delayed.

    Raises InvalidInput, InvalidCredentials, and RateLimited where too many guesses are waiting.
    """
    email = clean_email(email)
    known = await accounts.credentials(services.database, email)
    owner_id = known[0].user_id if known and known[0].is_verified else None
    if not await devices.is_known(services, origin, owner_id):
        await services.guesses.wait_turn(address_key(email), origin.network)
    # The same work whether the address has an owner, several registrations or neither.
    password_hash = await services.hashing.matching(
        password, [candidate.password_hash for candidate in known]
    )
    if password_hash is None:
        raise errors.InvalidCredentials
    chosen = next(candidate for candidate in known if candidate.password_hash == password_hash)
    token = rules.first_refresh_token(chosen.user_id, ids.new_id())
    token_text = token.render(services.settings.jwt_secrets[0])
    person = await sessions.begin(
        services.database,
        user_id=chosen.user_id,
        password_hash=chosen.password_hash,
        token=token,
        token_text=token_text,
        user_agent=origin.device,
        ip_address=origin.ip_address,
    )
    return signed_in(services, person, token, token_text, rules.SESSION_IDLE_LIFETIME)
