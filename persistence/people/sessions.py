"""Sessions: created, refreshed, listed and ended."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from domain import errors, events
from domain.people import sessions
from domain.people.accounts import Person
from domain.people.second_factors import InvalidSecondFactor
from domain.people.sessions import Principal, RefreshToken, RefreshVerdict, Session
from persistence.engine import unit_of_work
from persistence.engine.database import Database
from persistence.engine.unit_of_work import Unit
from persistence.people import credentials, persons

MAXIMUM_SESSIONS = 100

_ACTIVE = credentials.session_is_active("sessions")
_FIND = text(
    f"SELECT *, {_ACTIVE} AS is_active FROM sessions "  # noqa: S608
    "WHERE user_id = :user_id AND id = :session_id"
)
_ROTATE = text(
    "UPDATE sessions SET generation = :generation, previous_refresh_hash = refresh_hash, "
    "refresh_hash = :hash, rotated_at = :now, last_used_at = :now "
    "WHERE user_id = :user_id AND id = :session_id"
)
_LIST = text(
    f"SELECT * FROM sessions WHERE user_id = :user_id AND {_ACTIVE} "  # noqa: S608
    "ORDER BY last_used_at DESC, id DESC LIMIT :limit"
)
_END = text(
    "UPDATE sessions SET ended_at = :now WHERE user_id = :user_id AND ended_at IS NULL "
    "AND id = ANY(:session_ids) RETURNING id"
)
_END_ALL = text(
    "UPDATE sessions SET ended_at = :now WHERE user_id = :user_id AND ended_at IS NULL "
    "AND id IS DISTINCT FROM CAST(:except_id AS uuid) RETURNING id"
)
_CONFIRM = text(
    "UPDATE sessions SET confirmed_at = :now, confirmed_by_factor = :by_factor "
    "WHERE user_id = :user_id AND id = :session_id"
)
_ADDRESSES = text(
    "SELECT DISTINCT ip_address FROM sessions WHERE user_id = :user_id AND ip_address IS NOT NULL "
    "LIMIT 1000"
)
_ACTIVE_IDS = text(f"SELECT id FROM sessions WHERE user_id = :user_id AND {_ACTIVE}")  # noqa: S608


@dataclass(frozen=True, slots=True)
class Refreshed:
    """The successor of a refresh token, its user, and the lifetime of the session without another refresh."""

    token: RefreshToken
    token_text: str
    person: Person
    lifetime_left: timedelta


async def refresh(
    db: Database, token: RefreshToken, token_text: str, *, jwt_secrets: Sequence[str]
) -> Refreshed:
    """The successor of a genuine refresh token.

    Raises InvalidToken. If the token was replaced some time ago, it must have been stolen: then the session
    ends, and that is committed.
    """

    async def work(unit: Unit) -> Refreshed | None:
        person = await persons.lock(unit, token.user_id)
        if person is None:
            return None
        now = await unit.clock()
        found = await unit.connection.execute(
            _FIND, {"user_id": token.user_id, "session_id": token.session_id}
        )
        session = found.one_or_none()
        if session is None or session.ended_at is not None:
            return None
        verdict = _judge(token, token_text, session, now)
        left = sessions.session_lifetime_left(session.created_at, now)
        if verdict is RefreshVerdict.END_SESSION:
            await end_some(unit, token.user_id, [token.session_id], now)
            return None
        if verdict is RefreshVerdict.REPEAT:
            newest = _rendered_successor(token, session.refresh_hash, jwt_secrets)
            return None if newest is None else Refreshed(*newest, persons.from_row(person), left)
        successor = token.successor(jwt_secrets[0])
        successor_text = successor.render(jwt_secrets[0])
        await unit.connection.execute(
            _ROTATE,
            {
                "user_id": token.user_id,
                "session_id": token.session_id,
                "generation": successor.generation,
                "hash": sessions.hash_secret(successor_text),
                "now": now,
            },
        )
        return Refreshed(successor, successor_text, persons.from_row(person), left)

    answer = await unit_of_work.run(db, work)
    if answer is None:
        raise errors.InvalidToken("This refresh token is not valid any more. Sign in again.")
    return answer


def _judge(
    token: RefreshToken, token_text: str, session: Row[Any], now: datetime
) -> RefreshVerdict:
    verdict = sessions.judge_refresh(
        token,
        newest_generation=session.generation,
        rotated_at=session.rotated_at,
        now=now,
    )
    stored = {
        RefreshVerdict.ROTATE: session.refresh_hash,
        RefreshVerdict.REPEAT: session.previous_refresh_hash,
        RefreshVerdict.END_SESSION: None,
    }[verdict]
    is_own = hmac.compare_digest(sessions.hash_secret(token_text), stored or b"")
    return verdict if is_own and session.is_active else RefreshVerdict.END_SESSION


def _rendered_successor(
    token: RefreshToken, stored_hash: bytes, jwt_secrets: Sequence[str]
) -> tuple[RefreshToken, str] | None:
    """The successor that was issued before, derived from the secret that was then first in JWT_SECRET."""
    for secret in jwt_secrets:
        successor = token.successor(secret)
        successor_text = successor.render(secret)
        if hmac.compare_digest(sessions.hash_secret(successor_text), stored_hash):
            return successor, successor_text
    return None


async def list_for(db: Database, user_id: UUID) -> list[Session]:
    """The active sessions, most recently used first."""
    rows = await db.read(
        lambda c: c.execute(_LIST, {"user_id": user_id, "limit": MAXIMUM_SESSIONS})
    )
    return [
        Session(
            row.user_id, row.id, row.user_agent, row.ip_address, row.created_at, row.last_used_at
        )
        for row in rows
    ]


async def addresses_of(db: Database, user_id: UUID) -> set[str]:
    """The addresses from which the user's recent sessions were created, including ended ones."""
    return set(await db.read(lambda c: c.scalars(_ADDRESSES, {"user_id": user_id})))


async def confirm(db: Database, caller: Principal, *, password_hash: str) -> datetime:
    """Confirm the caller's session, whose user's password was just verified; returns until when.

    Raises Unauthenticated if the session has ended, InvalidCredentials if the password was changed in the
    meantime, or InvalidSecondFactor if a second factor was enabled.
    """

    async def work(unit: Unit) -> datetime:
        person = await persons.lock_caller(unit, caller)
        if person.password_hash != password_hash:
            raise errors.InvalidCredentials
        if person.confirm_above is not None:
            raise InvalidSecondFactor
        return await confirm_within(unit, caller, await unit.clock(), by_factor=False)

    return await unit_of_work.run(db, work)


async def is_confirmed(db: Database, caller: Principal) -> bool:
    """Whether the caller has a session that is active and confirmed."""
    return await unit_of_work.run(db, lambda unit: credentials.is_confirmed(unit, caller))


async def require_confirmed(db: Database, caller: Principal) -> None:
    """Raises Unauthenticated if the caller's session has ended, or SessionNotConfirmed.

    For refusing before other work. The change itself verifies it again, under the lock.
    """

    async def work(unit: Unit) -> None:
        await persons.lock_caller(unit, caller, confirmed=True)

    await unit_of_work.run(db, work)


async def end(db: Database, caller: Principal, session_id: UUID) -> bool:
    """End a session of the caller; returns whether it was active.

    Raises Unauthenticated if the caller's own session has ended.
    """

    async def work(unit: Unit) -> bool:
        await persons.lock_caller(unit, caller)
        was_active = await credentials.is_active_session(unit, caller.user_id, session_id)
        await end_some(unit, caller.user_id, [session_id], await unit.clock())
        return was_active

    return await unit_of_work.run(db, work)


async def end_all(db: Database, caller: Principal) -> int:
    """End every session of the caller; returns how many were active.

    Raises Unauthenticated if the caller's own session has ended.
    """

    async def work(unit: Unit) -> int:
        await persons.lock_caller(unit, caller)
        return len(await end_within(unit, caller.user_id, await unit.clock()))

    return await unit_of_work.run(db, work)


# ================================================================ within the caller's unit of work


async def confirm_by_factor(unit: Unit, caller: Principal, now: datetime) -> datetime:
    """Confirm the session of a caller whose second factor was verified; returns until when.

    Raises Unauthenticated if the session has ended.
    """
    await persons.lock_caller(unit, caller)
    return await confirm_within(unit, caller, now, by_factor=True)


async def confirm_within(
    unit: Unit, caller: Principal, now: datetime, *, by_factor: bool
) -> datetime:
    """Confirm the session of a locked caller; returns until when."""
    parameters = {"user_id": caller.user_id, "session_id": caller.session_id, "now": now}
    await unit.connection.execute(_CONFIRM, {**parameters, "by_factor": by_factor})
    return now + sessions.SESSION_CONFIRMED_FOR


async def end_within(
    unit: Unit, user_id: UUID, now: datetime, *, except_id: UUID | None = None
) -> list[UUID]:
    """End the sessions of a locked user except one; returns those that were active."""
    active = set(await unit.connection.scalars(_ACTIVE_IDS, {"user_id": user_id}))
    parameters = {"user_id": user_id, "now": now, "except_id": except_id}
    ended = (await unit.connection.scalars(_END_ALL, parameters)).all()
    announce_ended(unit, user_id, ended)
    return [session_id for session_id in ended if session_id in active]


async def end_some(unit: Unit, user_id: UUID, session_ids: Sequence[UUID], now: datetime) -> None:
    """End those sessions of a locked user."""
    if session_ids:
        parameters = {"user_id": user_id, "now": now, "session_ids": list(session_ids)}
        ended = await unit.connection.scalars(_END, parameters)
        announce_ended(unit, user_id, ended.all())


def announce_ended(unit: Unit, user_id: UUID, credential_ids: Sequence[UUID]) -> None:
    """Publish, once committed, that those sessions or API tokens have ended."""
    if credential_ids:
        payload = {"credential_ids": [str(credential_id) for credential_id in credential_ids]}
        unit.announce(user_id, events.Topic.CREDENTIALS_ENDED, payload)
