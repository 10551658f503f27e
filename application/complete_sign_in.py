"""Complete a sign-in with a second factor, or sign in with a passkey alone."""

from __future__ import annotations

from typing import Any

from adapters import passkeys
from application import devices, second_factors, sign_in
from application.origins import Origin
from application.services import Services
from application.signed_in import SignedIn, new_session, signed_in
from domain.people import second_factors as rules
from domain.people.second_factors import Answer, Purpose
from domain.people.sessions import SESSION_IDLE_LIFETIME
from persistence.people import challenges, sign_ins
from persistence.people.sign_ins import NewSession


async def execute(
    services: Services, origin: Origin, *, challenge: str, answer: Answer
) -> SignedIn:
    """A new session, after the password was correct. Raises InvalidSecondFactor and RateLimited."""
    user_id = second_factors.read_challenge(challenge).user_id
    asked = second_factors.asked_with(user_id, Purpose.SIGN_IN, sign_in.BINDING, challenge, answer)
    is_known = await devices.is_known(services, origin, user_id)
    new = new_session(services, origin, user_id, is_known=is_known, confirmed_by_factor=True)
    person = await challenges.answer(
        services.database,
        services.factor_keys,
        asked,
        second_factors.judge(services, asked, answer),
        lambda unit, locked, now: sign_ins.begin_with_factor(unit, locked, new, now),
    )
    services.wake_relay()
    return signed_in(services, person, new.token, new.token_text, SESSION_IDLE_LIFETIME)


def begin_with_passkey(services: Services) -> tuple[str, dict[str, Any]]:
    """A challenge for any user, and PublicKeyCredentialRequestOptionsJSON for it."""
    secret = services.settings.jwt_secrets[0]
    challenge = rules.new_open_challenge(secret=secret, now=services.clock())
    options = services.relying_party.request_options(rules.webauthn_challenge(challenge), None)
    return challenge, options


async def execute_with_passkey(
    services: Services, origin: Origin, *, challenge: str, answer: Answer
) -> SignedIn:
    """A new session of the user whose passkey answered. Raises InvalidSecondFactor."""
    challenge_id, expires_at = rules.read_open_challenge(
        challenge, jwt_secrets=services.settings.jwt_secrets, now=services.clock()
    )
    user_id = passkeys.user_id(answer.passkey or {})
    is_known = await devices.is_known(services, origin, user_id)
    new: NewSession = new_session(
        services, origin, user_id, is_known=is_known, confirmed_by_factor=True
    )
    person = await challenges.answer_open(
        services.database,
        user_id,
        challenge_id,
        expires_at=expires_at,
        judge=lambda stored, _now: second_factors.passkey_answer(
            services,
            user_id,
            stored.settings.passkeys,
            answer,
            challenge=challenge,
            challenge_id=None,
        ),
        then=lambda unit, locked, now: sign_ins.begin_with_factor(unit, locked, new, now),
    )
    services.wake_relay()
    return signed_in(services, person, new.token, new.token_text, SESSION_IDLE_LIFETIME)
