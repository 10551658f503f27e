"""Challenges for second factors: asked and answered. Only hashes of them are stored.

A wrong answer is counted, and that is committed, before it is refused.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Row, text

from domain import errors, ids
from domain.encryption import Keyring
from domain.people import second_factors as rules
from domain.people import sessions
from domain.people.second_factors import (
    InvalidSecondFactor,
    Purpose,
    SecondFactor,
    SecuritySettings,
    VerifiedFactor,
)
from domain.people.sessions import NamedSecret
from persistence.engine import unit_of_work
from persistence.engine.database import Database
from persistence.engine.unit_of_work import Unit
from persistence.people import factor_secrets, persons, second_factors
from persistence.people.second_factors import Stored

_INSERT = text(
    "INSERT INTO second_factor_challenges (user_id, id, purpose, secret_hash, binding, key_id, encrypted, "
    "created_at, expires_at) VALUES (:user_id, :id, :purpose, :secret_hash, :binding, :key_id, "
    ":encrypted, :now, :expires_at)"
)
_FIND = text(
    "SELECT * FROM second_factor_challenges WHERE user_id = :user_id AND id = :id "
    "AND purpose = :purpose AND used_at IS NULL AND expires_at > clock_timestamp() "
    "AND attempts < :maximum"
)
_COUNT_ATTEMPT = text(
    "UPDATE second_factor_challenges SET attempts = attempts + 1 "
    "WHERE user_id = :user_id AND id = :id"
)
_INSERT_USED = text(
    "INSERT INTO second_factor_challenges (user_id, id, purpose, secret_hash, binding, created_at, "
    "expires_at, used_at) VALUES (:user_id, :id, :purpose, :secret_hash, :binding, :now, :expires_at, "
    ":now) ON CONFLICT DO NOTHING"
)
_FAILURES = text(
    "SELECT count(*) AS failures, min(failed_at) AS first_at FROM second_factor_failures "
    "WHERE user_id = :user_id AND failed_at > :since"
)
_INSERT_FAILURE = text(
    "INSERT INTO second_factor_failures (user_id, id, failed_at) VALUES (:user_id, :id, :now)"
)
_END_ALL = text(
    "UPDATE second_factor_challenges SET used_at = :now WHERE user_id = :user_id AND used_at IS NULL"
)

Result = TypeVar("Result")
#: Locks the user and checks that the challenge may be made. Returns the row.
Permit = Callable[[Unit], Awaitable[Row[Any]]]
#: Verifies an answer against what is stored, at that time. Raises InvalidSecondFactor.
Judge = Callable[[Stored, datetime], VerifiedFactor]
#: What a correct answer does, in the commit that uses it.
Then = Callable[[Unit, Row[Any], datetime], Awaitable[Result]]


@dataclass(frozen=True, slots=True)
class Challenge:
    """A challenge as its user gets it, and the second factors that the user has."""

    text: str
    settings: SecuritySettings


@dataclass(frozen=True, slots=True)
class Asked:
    """What an answer has to belong to."""

    user_id: UUID
    purpose: Purpose
    binding: bytes
    kind: SecondFactor
    #: None where an answer of this kind needs none.
    challenge: NamedSecret | None


# ================================================================ asking


async def ask(
    db: Database, user_id: UUID, purpose: Purpose, binding: bytes, permit: Permit
) -> Challenge:
    """A new challenge to the user that `permit` locks. Raises what that raises."""

    async def work(unit: Unit) -> Challenge:
        await permit(unit)
        challenge = await add(unit, user_id, purpose, binding)
        stored = await second_factors.within(unit.connection, user_id)
        return Challenge(challenge, stored.settings)

    return await unit_of_work.run(db, work)


async def ask_with_secret(
    db: Database, keys: Keyring, user_id: UUID, binding: bytes, *, secret: str, permit: Permit
) -> str:
    """A new challenge to enable an authenticator app with that secret, which it keeps encrypted."""

    async def work(unit: Unit) -> str:
        await permit(unit)
        return await add(unit, user_id, Purpose.ENABLE_TOTP, binding, keys=keys, secret=secret)

    return await unit_of_work.run(db, work)


async def add(
    unit: Unit,
    user_id: UUID,
    purpose: Purpose,
    binding: bytes,
    *,
    keys: Keyring | None = None,
    secret: str | None = None,
) -> str:
    """Store a challenge to a locked user; returns its text."""
    challenge_id, now = ids.new_id(), await unit.clock()
    challenge = sessions.new_challenge(user_id, challenge_id)
    stored = None
    if keys is not None and secret is not None:
        stored = factor_secrets.encrypt(keys, user_id, challenge_id, secret)
    await unit.connection.execute(
        _INSERT,
        {
            "user_id": user_id,
            "id": challenge_id,
            "purpose": purpose.value,
            "secret_hash": sessions.hash_secret(challenge),
            "binding": binding,
            "key_id": None if stored is None else stored.key_id,
            "encrypted": None if stored is None else stored.content,
            "now": now,
            "expires_at": now + rules.LIFETIMES[purpose],
        },
    )
    return challenge


async def end_all(unit: Unit, user_id: UUID, now: datetime) -> None:
    """End all challenges of a locked user, such as those after a password that was replaced."""
    await unit.connection.execute(_END_ALL, {"user_id": user_id, "now": now})


# ================================================================ answering


async def verify(db: Database, keys: Keyring, asked: Asked, judge: Judge) -> VerifiedFactor:
    """The correct answer, for another commit to use. Raises InvalidSecondFactor and RateLimited."""

    async def work(unit: Unit) -> VerifiedFactor | InvalidSecondFactor:
        found = await _judged(unit, keys, asked, judge)
        return found if isinstance(found, InvalidSecondFactor) else found[2]

    return _unless_refused(await unit_of_work.run(db, work))


async def answer(
    db: Database, keys: Keyring, asked: Asked, judge: Judge, then: Then[Result]
) -> Result:
    """Use a correct answer, and do what it permits in the same commit; returns what that returns.

    Raises InvalidSecondFactor, RateLimited, and what `then` raises, which leaves the answer unused.
    """

    async def work(unit: Unit) -> Result | InvalidSecondFactor:
        found = await _judged(unit, keys, asked, judge)
        if isinstance(found, InvalidSecondFactor):
            return found
        person, now, verified = found
        await second_factors.consume(unit, verified, now)
        return await then(unit, person, now)

    return _unless_refused(await unit_of_work.run(db, work))


async def answer_open(
    db: Database,
    user_id: UUID,
    challenge_id: UUID,
    *,
    expires_at: datetime,
    judge: Judge,
    then: Then[Result],
) -> Result:
    """As `answer`, for an open challenge, which that user's passkey alone has answered.

    A wrong answer is not counted: anyone can name the user. Raises InvalidSecondFactor.
    """

    async def work(unit: Unit) -> Result:
        person = await persons.lock_any(unit, user_id)
        if person is None:
            raise InvalidSecondFactor
        now = await unit.clock()
        verified = judge(await second_factors.within(unit.connection, user_id), now)
        used = await unit.connection.execute(
            _INSERT_USED,
            {
                "user_id": user_id,
                "id": challenge_id,
                "purpose": Purpose.PASSKEY_SIGN_IN.value,
                "secret_hash": bytes(32),
                "binding": bytes(32),
                "now": now,
                "expires_at": expires_at,
            },
        )
        if used.rowcount != 1:
            raise InvalidSecondFactor
        await second_factors.consume(unit, verified, now)
        return await then(unit, person, now)

    return await unit_of_work.run(db, work)


async def answer_enrolment(
    db: Database,
    keys: Keyring,
    asked: Asked,
    permit: Permit,
    enable: Callable[[Unit, Row[Any], str | None, datetime], Awaitable[Result]],
) -> Result:
    """Use a challenge to enable a factor, with the secret that it keeps, if any.

    If `enable` raises InvalidSecondFactor, before it writes anything, that counts against the challenge,
    not against the account. Raises InvalidSecondFactor, and what `permit` and `enable` raise.
    """

    async def work(unit: Unit) -> Result | InvalidSecondFactor:
        person = await permit(unit)
        row = await _find(unit, asked)
        if row is None:
            return InvalidSecondFactor()
        now = await unit.clock()
        secret = None if row.encrypted is None else factor_secrets.decrypt(keys, row)
        try:
            enabled = await enable(unit, person, secret, now)
        except InvalidSecondFactor as refusal:
            parameters = {"user_id": asked.user_id, "id": row.id}
            await unit.connection.execute(_COUNT_ATTEMPT, parameters)
            return refusal
        await second_factors.use_challenge(unit, asked.user_id, row.id, now)
        return enabled

    return _unless_refused(await unit_of_work.run(db, work))


async def _judged(
    unit: Unit, keys: Keyring, asked: Asked, judge: Judge
) -> tuple[Row[Any], datetime, VerifiedFactor] | InvalidSecondFactor:
    """The user, locked, and the correct answer; or the refusal of a wrong one, which was counted.

    An answer to a challenge that is not the user's, was used, or has ended is not looked at.
    """
    # The user of a closed account may sign in, which reopens it.
    lock = persons.lock_any if asked.purpose is Purpose.SIGN_IN else persons.lock
    person = await lock(unit, asked.user_id)
    challenge = None if person is None else await _find(unit, asked)
    if person is None or (challenge is None and asked.challenge is not None):
        return InvalidSecondFactor()
    now = await unit.clock()
    await _check_failures(unit, asked, now)
    try:
        return (
            person,
            now,
            judge(await second_factors.within(unit.connection, person.id, keys), now),
        )
    except InvalidSecondFactor as refusal:
        if challenge is not None:
            parameters = {"user_id": person.id, "id": challenge.id}
            await unit.connection.execute(_COUNT_ATTEMPT, parameters)
        failure = {"user_id": person.id, "id": ids.new_id(), "now": now}
        await unit.connection.execute(_INSERT_FAILURE, failure)
        return refusal


async def _find(unit: Unit, asked: Asked) -> Row[Any] | None:
    """The challenge, if it is valid and this is its text."""
    if asked.challenge is None or asked.challenge.user_id != asked.user_id:
        return None
    found = await unit.connection.execute(
        _FIND,
        {
            "user_id": asked.user_id,
            "id": asked.challenge.row_id,
            "purpose": asked.purpose.value,
            "maximum": rules.MAXIMUM_ATTEMPTS,
        },
    )
    row = found.one_or_none()
    is_own = row is not None and hmac.compare_digest(
        sessions.hash_secret(asked.challenge.text) + asked.binding,
        bytes(row.secret_hash) + bytes(row.binding),
    )
    return row if is_own else None


async def _check_failures(unit: Unit, asked: Asked, now: datetime) -> None:
    """Raise RateLimited for a code after too many wrong answers. A passkey cannot be guessed."""
    if asked.kind is SecondFactor.PASSKEY:
        return
    since = now - rules.FAILURE_WINDOW
    found = await unit.connection.execute(_FAILURES, {"user_id": asked.user_id, "since": since})
    counted = found.one()
    if counted.failures >= rules.MAXIMUM_FAILURES:
        wait = counted.first_at + rules.FAILURE_WINDOW - now
        raise errors.RateLimited(int(wait.total_seconds()) + 1)


def _unless_refused(found: Result | InvalidSecondFactor) -> Result:
    if isinstance(found, InvalidSecondFactor):
        raise found
    return found
