"""Replace a forgotten password, with the token of a mailed link and the second factor, if there is one."""

from __future__ import annotations

from application import passwords, second_factors
from application.second_factors import Question
from application.services import Services
from domain import errors
from domain.people import second_factors as rules
from domain.people.accounts import MailPurpose
from domain.people.second_factors import Answer, Purpose
from domain.people.sessions import NamedSecret
from persistence.people import accounts, challenges
from persistence.people import second_factors as stored_factors
from persistence.people.accounts import EndedCredentials


async def execute(
    services: Services,
    *,
    token: str,
    password: str,
    challenge: str | None = None,
    answer: Answer | None = None,
) -> EndedCredentials | Question:
    """What that ended: every session and every API token.

    A user with a second factor, which is not given, gets a challenge instead, and nothing has changed.
    Raises InvalidToken, WeakPassword, InvalidSecondFactor and RateLimited.
    """
    link = passwords.link_token(token)
    # Verify the link first: without one, no hash is computed and nothing is revealed about passwords.
    if not await accounts.is_link_good(services.database, link, MailPurpose.RESET_PASSWORD):
        raise errors.InvalidToken
    await services.hashing.check(password)
    settings = await stored_factors.settings_of(services.database, link.user_id)
    if settings.confirm_above_minor is not None and answer is None:
        return await second_factors.ask_user(
            services,
            link.user_id,
            Purpose.RESET_PASSWORD,
            _binding(link),
            lambda unit: accounts.lock_for_reset(unit, link),
        )
    password_hash = await services.hashing.hash(password)
    if settings.confirm_above_minor is None or answer is None:
        ended = await accounts.reset_password(services.database, link, password_hash=password_hash)
    else:
        ended = await _reset_with_factor(services, link, password_hash, challenge or "", answer)
    services.wake_relay()
    return ended


async def _reset_with_factor(
    services: Services, link: NamedSecret, password_hash: str, challenge: str, answer: Answer
) -> EndedCredentials:
    asked = second_factors.asked_with(
        link.user_id, Purpose.RESET_PASSWORD, _binding(link), challenge, answer
    )
    return await challenges.answer(
        services.database,
        services.factor_keys,
        asked,
        second_factors.judge(services, asked, answer),
        lambda unit, person, _now: accounts.reset_within(unit, person, link, password_hash),
    )


def _binding(link: NamedSecret) -> bytes:
    return rules.binding(link.row_id)
