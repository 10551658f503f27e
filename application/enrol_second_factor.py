"""Enable a second factor: an authenticator app or a passkey. The session has to be confirmed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from application import second_factors
from application.services import Services
from domain import errors, text
from domain.notifications.notification_kinds import SecurityChange
from domain.people import second_factors as rules
from domain.people import totp
from domain.people.second_factors import InvalidSecondFactor, Purpose, SecondFactor
from domain.people.sessions import Principal
from persistence.engine.unit_of_work import Unit
from persistence.people import challenges
from persistence.people import second_factors as stored
from persistence.people.challenges import Asked
from persistence.people.second_factors import Enrolment

_ISSUER = "Mini Wallet"


@dataclass(frozen=True, slots=True)
class NewTotp:
    """The secret for an authenticator app, and the challenge with which it is enabled."""

    challenge: str
    uri: str
    secret: str


async def begin_totp(services: Services, caller: Principal) -> NewTotp:
    """A secret that nothing accepts yet, for ten minutes. Raises SessionNotConfirmed."""
    person = await services.person(caller.user_id)
    if person is None:
        raise errors.Unauthenticated
    secret = totp.new_secret()
    challenge = await challenges.ask_with_secret(
        services.database,
        services.factor_keys,
        caller.user_id,
        _binding(caller),
        secret=secret,
        permit=second_factors.permit_of(caller, confirmed=True),
    )
    return NewTotp(challenge, totp.uri(secret, account=person.email, issuer=_ISSUER), secret)


async def enable_totp(
    services: Services, caller: Principal, *, challenge: str, code: str
) -> list[str] | None:
    """Enable the app whose code this is, in place of an earlier one; the code is not accepted again.

    Returns recovery codes if it is the first second factor. Raises InvalidSecondFactor and
    SessionNotConfirmed.
    """

    async def enable(unit: Unit, person: Any, secret: str | None, now: datetime) -> Any:
        step = None
        if secret is not None:
            step = totp.matching_step(secret, code, now=now, after_step=0)
        if secret is None or step is None:
            raise InvalidSecondFactor
        keys = services.factor_keys
        await stored.enable_totp(unit, keys, caller.user_id, secret, step=step, now=now)
        enrolment = _enrolment(services, caller, SecurityChange.TOTP_ENABLED)
        return await stored.enabled(unit, person, enrolment, now)

    asked = _asked(caller, Purpose.ENABLE_TOTP, SecondFactor.TOTP, challenge)
    codes: list[str] | None = await challenges.answer_enrolment(
        services.database,
        services.factor_keys,
        asked,
        second_factors.permit_of(caller, confirmed=True),
        enable,
    )
    services.wake_relay()
    return codes


async def begin_passkey(services: Services, caller: Principal) -> tuple[str, dict[str, Any]]:
    """A challenge, and PublicKeyCredentialCreationOptionsJSON for it. Raises SessionNotConfirmed."""
    person = await services.person(caller.user_id)
    if person is None:
        raise errors.Unauthenticated
    asked = await challenges.ask(
        services.database,
        caller.user_id,
        Purpose.ADD_PASSKEY,
        _binding(caller),
        second_factors.permit_of(caller, confirmed=True),
    )
    options = services.relying_party.creation_options(
        rules.webauthn_challenge(asked.text), person, asked.settings.passkeys
    )
    return asked.text, options


async def add_passkey(
    services: Services,
    caller: Principal,
    *,
    challenge: str,
    name: str,
    response: Mapping[str, Any],
) -> list[str] | None:
    """Add the passkey that an authenticator created for the challenge.

    Returns recovery codes if it is the first second factor. Raises InvalidInput for its name and past the
    maximum number, InvalidSecondFactor and SessionNotConfirmed.
    """
    name = text.clean_name(name)

    async def enable(unit: Unit, person: Any, _secret: str | None, now: datetime) -> Any:
        created = services.relying_party.read_new(response, rules.webauthn_challenge(challenge))
        await stored.add_passkey(unit, caller.user_id, created, name=name, now=now)
        enrolment = _enrolment(services, caller, SecurityChange.PASSKEY_ADDED, name)
        return await stored.enabled(unit, person, enrolment, now)

    asked = _asked(caller, Purpose.ADD_PASSKEY, SecondFactor.PASSKEY, challenge)
    codes: list[str] | None = await challenges.answer_enrolment(
        services.database,
        services.factor_keys,
        asked,
        second_factors.permit_of(caller, confirmed=True),
        enable,
    )
    services.wake_relay()
    return codes


def _asked(caller: Principal, purpose: Purpose, kind: SecondFactor, challenge: str) -> Asked:
    named = second_factors.read_challenge(challenge, caller.user_id)
    return Asked(caller.user_id, purpose, _binding(caller), kind, named)


def _enrolment(
    services: Services, caller: Principal, change: SecurityChange, name: str | None = None
) -> Enrolment:
    confirm_above_minor = rules.default_confirm_above_minor(services.limits)
    return Enrolment(caller, change, name, confirm_above_minor)


def _binding(caller: Principal) -> bytes:
    """Only the session that has begun to enable a factor can finish it."""
    return rules.binding(caller.credential_id)
