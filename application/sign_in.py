"""Sign in with an email address and a password, which a second factor may have to follow."""

from __future__ import annotations

from application import devices, second_factors
from application.origins import Origin
from application.second_factors import Question
from application.services import Services
from application.signed_in import SignedIn, new_session, signed_in
from domain import errors
from domain.people import second_factors as rules
from domain.people import sessions as session_rules
from domain.people.accounts import address_key, clean_email
from domain.people.second_factors import Purpose
from persistence.people import accounts, sign_ins

#: What the challenge of a sign-in is bound to, besides its user. A new password ends all challenges.
BINDING = rules.binding(Purpose.SIGN_IN)


async def execute(
    services: Services, origin: Origin, *, email: str, password: str
) -> SignedIn | Question:
    """A new session, or, after the correct password, a challenge if the user has a second factor.

    Guesses from unknown devices are delayed. Until the password is correct, nothing depends on whether
    there is a second factor. Raises InvalidInput, InvalidCredentials, and RateLimited where too many guesses
    are waiting.
    """
    email = clean_email(email)
    known = await accounts.credentials(services.database, email)
    owner_id = known[0].user_id if known and known[0].is_verified else None
    is_known = await devices.is_known(services, origin, owner_id)
    if not is_known:
        await services.guesses.wait_turn(address_key(email), origin.network)
    # The same work whether the address has an owner, several registrations or neither.
    password_hash = await services.hashing.matching(
        password, [candidate.password_hash for candidate in known]
    )
    if password_hash is None:
        raise errors.InvalidCredentials
    chosen = next(candidate for candidate in known if candidate.password_hash == password_hash)
    new = new_session(services, origin, chosen.user_id, is_known=is_known)
    person = await sign_ins.begin(services.database, new, password_hash=chosen.password_hash)
    if person is None:
        return await second_factors.ask_user(
            services,
            chosen.user_id,
            Purpose.SIGN_IN,
            BINDING,
            lambda unit: sign_ins.lock_to_begin(unit, chosen.user_id, chosen.password_hash),
        )
    services.wake_relay()
    lifetime = session_rules.SESSION_IDLE_LIFETIME
    return signed_in(services, person, new.token, new.token_text, lifetime)
