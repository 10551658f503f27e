"""Second factors: ask for one, verify the answer, and use it once.

An operation that needs a second factor of its caller, such as a large transfer:

1. Without an answer it calls `ask` with its purpose and a digest of what the answer permits
   (`rules.binding(recipient_id, amount_minor, key)`), and returns the challenge, its methods and the passkey
   options to the client. Nothing else has changed.
2. With an answer it calls `verify` with the same purpose and digest. A wrong answer is counted in a commit of
   its own and raises InvalidSecondFactor; so does a challenge that is foreign, altered, expired, used, or
   bound to anything else, without looking at the answer. Too many wrong answers raise RateLimited.
3. What it returns (`VerifiedFactor`) is not used yet. The commit that relies on it holds the account's lock
   and stores its use, each part on the condition that nobody was faster:
   `persistence.people.second_factors.consume` in a unit of work. A ledger command carries the
   VerifiedFactor, looks up the same facts under the lock, refuses with InvalidSecondFactor, and has the same
   updates as an effect: the challenge's `used_at`, the TOTP's `last_step`, the passkey's `counter`, or the
   recovery code's `used_at`.

Where a second factor is used in a unit of work and not in the ledger, `persistence.people.challenges.answer`
does both in one commit. Whether a user has second factors at all is `users.confirm_above IS NOT NULL`.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from adapters import passkeys
from application.services import Services
from domain.people import second_factors as rules
from domain.people import sessions, totp
from domain.people.second_factors import (
    Answer,
    InvalidSecondFactor,
    Passkey,
    Purpose,
    SecondFactor,
    VerifiedFactor,
)
from domain.people.sessions import NamedSecret, Principal
from persistence.people import challenges, persons
from persistence.people.challenges import Asked, Challenge, Judge, Permit
from persistence.people.second_factors import Stored


@dataclass(frozen=True, slots=True)
class Question:
    """A challenge as the client gets it."""

    challenge: str
    methods: Sequence[SecondFactor]
    #: PublicKeyCredentialRequestOptionsJSON; None if the user has no passkeys.
    passkey_options: dict[str, Any] | None


async def ask(services: Services, caller: Principal, purpose: Purpose, binding: bytes) -> Question:
    """A challenge to the caller, for that purpose and what the digest is of.

    Valid for five minutes, ten wrong answers and one correct one. Raises Unauthenticated if the session or
    API token has ended.
    """
    return await ask_user(services, caller.user_id, purpose, binding, permit_of(caller))


async def ask_user(
    services: Services, user_id: UUID, purpose: Purpose, binding: bytes, permit: Permit
) -> Question:
    """A challenge to the user that `permit` locks. Raises what that raises."""
    asked = await challenges.ask(services.database, user_id, purpose, binding, permit)
    return question(services, asked)


def question(services: Services, asked: Challenge) -> Question:
    """The challenge with options for the user's passkeys."""
    options = None
    if asked.settings.passkeys:
        options = services.relying_party.request_options(
            rules.webauthn_challenge(asked.text), asked.settings.passkeys
        )
    return Question(asked.text, asked.settings.methods, options)


async def verify(
    services: Services,
    user_id: UUID,
    purpose: Purpose,
    binding: bytes,
    *,
    challenge: str,
    answer: Answer,
) -> VerifiedFactor:
    """The correct answer to the challenge, which the caller has to use under the account's lock.

    Raises InvalidSecondFactor for any other, and RateLimited after too many wrong ones.
    """
    asked = asked_with(user_id, purpose, binding, challenge, answer)
    return await challenges.verify(
        services.database, services.factor_keys, asked, judge(services, asked, answer)
    )


def asked_with(
    user_id: UUID, purpose: Purpose, binding: bytes, challenge: str | None, answer: Answer
) -> Asked:
    """What the answer has to belong to. Raises InvalidSecondFactor for a challenge of another user.

    Without a challenge a passkey has nothing to sign, and is refused.
    """
    named = None if challenge is None else read_challenge(challenge, user_id)
    if named is None and answer.kind is SecondFactor.PASSKEY:
        raise InvalidSecondFactor
    return Asked(user_id, purpose, binding, answer.kind, named)


def read_challenge(challenge: str, user_id: UUID | None = None) -> NamedSecret:
    """The parts of a challenge, not yet verified.

    Raises InvalidSecondFactor if malformed, or of another user than `user_id`.
    """
    named = sessions.read_challenge(challenge)
    if named is None or (user_id is not None and named.user_id != user_id):
        raise InvalidSecondFactor
    return named


def permit_of(caller: Principal, *, confirmed: bool = False) -> Permit:
    """Locks the caller. Raises Unauthenticated, or SessionNotConfirmed where that is required."""
    return lambda unit: persons.lock_caller(unit, caller, confirmed=confirmed)


# ================================================================ verifying, under the lock


def judge(services: Services, asked: Asked, answer: Answer) -> Judge:
    """Verifies the answer against what is stored, in constant time as far as it is secret."""
    challenge = asked.challenge
    challenge_id = None if challenge is None else challenge.row_id

    def verified(stored: Stored, now: datetime) -> VerifiedFactor:
        settings = stored.settings
        if answer.totp_code is not None:
            app = settings.totp
            if app is None or stored.totp_secret is None:
                raise InvalidSecondFactor
            step = totp.matching_step(
                stored.totp_secret, answer.totp_code, now=now, after_step=app.last_step
            )
            if step is None:
                raise InvalidSecondFactor
            return VerifiedFactor(
                asked.user_id, answer.kind, challenge_id, totp_id=app.totp_id, totp_step=step
            )
        if answer.recovery_code is not None:
            code_id = _matching_code(asked.user_id, answer.recovery_code, stored)
            return VerifiedFactor(
                asked.user_id, answer.kind, challenge_id, recovery_code_id=code_id
            )
        if challenge is None:
            raise InvalidSecondFactor
        return passkey_answer(
            services,
            asked.user_id,
            settings.passkeys,
            answer,
            challenge=challenge.text,
            challenge_id=challenge_id,
        )

    return verified


def passkey_answer(
    services: Services,
    user_id: UUID,
    known: Sequence[Passkey],
    answer: Answer,
    *,
    challenge: str,
    challenge_id: UUID | None,
) -> VerifiedFactor:
    """The answer of one of those passkeys to the challenge. Raises InvalidSecondFactor."""
    if answer.passkey is None:
        raise InvalidSecondFactor
    credential_id = passkeys.credential_id(answer.passkey)
    passkey = next((each for each in known if each.credential_id == credential_id), None)
    if passkey is None:
        raise InvalidSecondFactor
    counter = services.relying_party.counter(
        answer.passkey, rules.webauthn_challenge(challenge), passkey
    )
    return VerifiedFactor(
        user_id,
        SecondFactor.PASSKEY,
        challenge_id,
        passkey_id=passkey.passkey_id,
        passkey_counter=counter,
    )


def _matching_code(user_id: UUID, code: str, stored: Stored) -> UUID:
    """Which unused recovery code this is; compares with all of them. Raises InvalidSecondFactor."""
    digest = rules.hash_recovery_code(user_id, code)
    matching = [
        code_id
        for code_id, code_hash in stored.recovery_codes
        if hmac.compare_digest(digest, code_hash)
    ]
    if not matching:
        raise InvalidSecondFactor
    return matching[0]


def require_answer(answer: Answer | None) -> Answer:
    """The answer. Raises InvalidSecondFactor without one."""
    if answer is None:
        raise InvalidSecondFactor
    return answer
