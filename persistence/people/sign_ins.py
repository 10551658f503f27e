"""Sign-ins: sessions begin, and owners are told of unknown devices, which they can report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from domain import errors
from domain.notifications.notices import Mail, Notice
from domain.notifications.notification_kinds import NotificationKind
from domain.people import sessions as rules
from domain.people.accounts import MailPurpose, Person
from domain.people.second_factors import InvalidSecondFactor
from domain.people.sessions import NamedSecret, RefreshToken
from persistence.delivery import mail_requests
from persistence.engine import unit_of_work
from persistence.engine.database import Database
from persistence.engine.unit_of_work import Unit
from persistence.leaving import reopening
from persistence.notifications import notifying
from persistence.people import credentials, links, persons, sessions

_USER_AGENT_CHARACTERS = 500
_OLDEST_BEYOND = text(
    f"SELECT id FROM sessions WHERE user_id = :user_id AND {credentials.session_is_active('sessions')} "  # noqa: S608
    "ORDER BY last_used_at DESC, id DESC OFFSET :kept"
)
_INSERT = text(
    "INSERT INTO sessions (user_id, id, user_agent, ip_address, created_at, last_used_at, generation, "
    "refresh_hash, rotated_at, confirmed_by_factor) VALUES (:user_id, :session_id, :user_agent, "
    ":ip_address, :now, :now, :generation, :hash, :now, :confirmed_by_factor)"
)
_HAS_ANY = text("SELECT EXISTS (SELECT FROM sessions WHERE user_id = :user_id)")


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session to begin: its first refresh token, and where it comes from."""

    token: RefreshToken
    token_text: str
    user_agent: str | None
    ip_address: str | None
    #: Whether the device or its network has signed in to the account before.
    is_known: bool
    #: Whether a second factor was given.
    confirmed_by_factor: bool = False
    #: Where the address is, such as "Berlin, Germany"; None if that is not known.
    place: str | None = None


async def begin(db: Database, new: NewSession, *, password_hash: str) -> Person | None:
    """Begin a session of a user whose password was just verified; None if it takes a second factor.

    A closed account is reopened. Raises InvalidCredentials if the password was changed in the meantime, or
    the account is to be erased. Beyond the maximum number of
    sessions, the least recently used one ends.
    """

    async def work(unit: Unit) -> Person | None:
        person = await lock_to_begin(unit, new.token.user_id, password_hash)
        if person.confirm_above is not None:
            return None
        opened = await reopening.reopen(unit, person)
        if opened is None:
            raise errors.InvalidCredentials
        return await begin_within(unit, opened, new, await unit.clock())

    return await unit_of_work.run(db, work)


async def lock_to_begin(unit: Unit, user_id: UUID, password_hash: str) -> Row[Any]:
    """The user's row, locked, also of a closed account.

    Raises InvalidCredentials if the password was changed in the meantime, or the account is to be erased.
    """
    person = await persons.lock_any(unit, user_id)
    if person is None or person.password_hash != password_hash:
        raise errors.InvalidCredentials
    if not await reopening.is_possible(unit, person):
        raise errors.InvalidCredentials
    return person


async def report(db: Database, token: NamedSecret) -> tuple[str, UUID | None]:
    """Use the link in the mail about a sign-in: its session ends, and a reset link is mailed.

    Returns the address and the session. Raises InvalidToken.
    """

    async def work(unit: Unit) -> tuple[str, UUID | None]:
        person = await persons.lock(unit, token.user_id)
        good = await links.is_good(unit.connection, token, MailPurpose.NEW_SIGN_IN)
        if person is None or not good:
            raise errors.InvalidToken
        now = await unit.clock()
        session_id = await links.use(unit, token, now)
        await sessions.end_some(unit, person.id, [session_id] if session_id else [], now)
        await mail_requests.request(
            unit,
            person.id,
            MailPurpose.RESET_PASSWORD,
            now,
            requester=mail_requests.Requester(is_known=True),
        )
        return person.email, session_id

    return await unit_of_work.run(db, work)


async def begin_with_factor(unit: Unit, person: Row[Any], new: NewSession, now: datetime) -> Person:
    """Begin a session of a locked user whose second factor was verified; a closed account is reopened.

    Raises InvalidSecondFactor if the account is to be erased.
    """
    opened = await reopening.reopen(unit, person)
    if opened is None:
        raise InvalidSecondFactor
    return await begin_within(unit, opened, new, now)


async def begin_within(unit: Unit, person: Row[Any], new: NewSession, now: datetime) -> Person:
    """Begin a session of a locked user, who is told of it if the device is not known."""
    user_id = new.token.user_id
    if not new.is_known and await _is_reported(unit, person, now):
        await _report(unit, new)
    too_many = await unit.connection.scalars(
        _OLDEST_BEYOND, {"user_id": user_id, "kept": sessions.MAXIMUM_SESSIONS - 1}
    )
    await sessions.end_some(unit, user_id, too_many.all(), now)
    await unit.connection.execute(
        _INSERT,
        {
            "user_id": user_id,
            "session_id": new.token.session_id,
            "user_agent": new.user_agent[:_USER_AGENT_CHARACTERS] if new.user_agent else None,
            "ip_address": new.ip_address,
            "now": now,
            "generation": new.token.generation,
            "hash": rules.hash_secret(new.token_text),
            "confirmed_by_factor": new.confirmed_by_factor,
        },
    )
    return persons.from_row(person)


async def _is_reported(unit: Unit, person: Row[Any], now: datetime) -> bool:
    """Whether a sign-in from an unknown device is news: not the first one after registering.

    Sessions are on record for longer than `FIRST_SIGN_IN_WITHIN`.
    """
    if person.email_verified_at is None:
        return False
    if now - person.email_verified_at > rules.FIRST_SIGN_IN_WITHIN:
        return True
    had_any: bool = await unit.connection.scalar(_HAS_ANY, {"user_id": person.id})
    return had_any


async def _report(unit: Unit, new: NewSession) -> None:
    details = {
        "session_id": str(new.token.session_id),
        "ip_address": new.ip_address,
        "user_agent": new.user_agent,
        "place": new.place,
    }
    kind = NotificationKind.NEW_SIGN_IN
    notice = Notice(
        new.token.user_id,
        kind,
        subject_id=new.token.session_id,
        details=details,
        mail=Mail(MailPurpose.NEW_SIGN_IN, details),
    )
    await notifying.notify(unit, [notice])
