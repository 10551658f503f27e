"""Confirm that the signed-in user is present, as security-sensitive operations require."""

from __future__ import annotations

from datetime import datetime

from application import second_factors
from application.second_factors import Question
from application.services import Services
from domain import errors
from domain.people import second_factors as rules
from domain.people.second_factors import Answer, Purpose
from domain.people.sessions import Principal
from persistence.people import accounts, challenges, sessions
from persistence.people import second_factors as stored_factors


async def execute(
    services: Services,
    principal: Principal,
    *,
    password: str | None,
    challenge: str | None,
    answer: Answer | None,
) -> datetime:
    """Returns until when the session counts as confirmed: by the second factor, if the user has one.

    Raises InvalidSecondFactor and RateLimited; without a second factor InvalidCredentials.
    """
    settings = await stored_factors.settings_of(services.database, principal.user_id)
    if settings.confirm_above_minor is None:
        password_hash = await accounts.password_hash(services.database, principal.user_id)
        if not await services.hashing.verify(password or "", password_hash):
            raise errors.InvalidCredentials("The password is wrong.")
        return await sessions.confirm(services.database, principal, password_hash=password_hash)
    answer = second_factors.require_answer(answer)
    asked = second_factors.asked_with(
        principal.user_id, Purpose.CONFIRM_SESSION, _binding(principal), challenge, answer
    )
    until = await challenges.answer(
        services.database,
        services.factor_keys,
        asked,
        second_factors.judge(services, asked, answer),
        lambda unit, _locked, now: sessions.confirm_by_factor(unit, principal, now),
    )
    services.wake_relay()
    return until


async def begin(services: Services, principal: Principal) -> Question:
    """A challenge for one of the user's passkeys; it has no options without any."""
    return await second_factors.ask(
        services, principal, Purpose.CONFIRM_SESSION, _binding(principal)
    )


def _binding(principal: Principal) -> bytes:
    return rules.binding(principal.credential_id)
