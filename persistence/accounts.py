"""People: registering, verifying, passwords and profiles."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Row, text

from domain import errors, events, ids
from domain import text as texts
from domain.accounts import MailPurpose, Person
from domain.sessions import NamedSecret, Principal
from persistence import api_tokens, links, mails, persons, sessions, unit_of_work
from persistence import credentials as stored_credentials
from persistence.database import Database
from persistence.unit_of_work import Unit

#: Two registrations of one address at once: the one that comes second looks again.
_REGISTER_ATTEMPTS = 3

_BY_ADDRESS = text("SELECT user_id FROM email_addresses WHERE address = :address")
_CREDENTIALS = text(
    "SELECT u.id, u.password_hash FROM email_addresses AS e JOIN users AS u ON u.id = e.user_id "
    "WHERE e.address = :address AND u.closed_at IS NULL"
)
_PASSWORD_HASH = text("SELECT password_hash FROM users WHERE id = :user_id AND closed_at IS NULL")
_INSERT_USER = text(
    "INSERT INTO users (id, name, search_text, email, password_hash, created_at, email_verified_at) "
    "VALUES (:user_id, :name, :search_text, :email, :password_hash, :now, :verified_at)"
)
_INSERT_ADDRESS = text(
    "INSERT INTO email_addresses (address, user_id) VALUES (:address, :user_id) "
    "ON CONFLICT DO NOTHING RETURNING address"
)
_REPLACE_PENDING = text(
    "UPDATE users SET name = :name, search_text = :search_text, password_hash = :password_hash "
    "WHERE id = :user_id"
)
_VERIFY = text("UPDATE users SET email_verified_at = :now WHERE id = :user_id")
_SET_PASSWORD = text("UPDATE users SET password_hash = :password_hash WHERE id = :user_id")
_RENAME = text("UPDATE users SET name = :name, search_text = :search_text WHERE id = :user_id")


Result = TypeVar("Result")


class _AddressJustTaken(Exception):
    """Another registration of the same address committed first."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What signing in is checked against."""

    user_id: UUID
    password_hash: str


@dataclass(frozen=True, slots=True)
class EndedCredentials:
    """How many sessions and API tokens a new password ended."""

    sessions: int
    api_tokens: int


# ================================================================ registering


async def register(db: Database, *, name: str, email: str, password_hash: str) -> None:
    """Receive a registration: whatever becomes of it, one commit and one mail.

    A new address gets an account and a link to verify it. One that is not verified yet gets the new
    name and password in place of the old; whoever gave those is signed out and their links end. The
    owner of a verified one is told by mail, and nothing changes. `email` and `name` are clean.
    """

    async def work(unit: Unit) -> None:
        user_id = await unit.connection.scalar(_BY_ADDRESS, {"address": email})
        if user_id is None:
            new_id = ids.new_id()
            now = await _insert(unit, new_id, name, email, password_hash)
            await mails.request(unit, new_id, MailPurpose.VERIFY_EMAIL, now)
            return
        person = await persons.lock(unit, user_id)
        now = await unit.clock()
        if person is None:
            unit.announce(ids.new_id(), events.Topic.NOTHING_HAPPENED, {})
        elif person.email_verified_at is not None:
            await mails.request(unit, user_id, MailPurpose.ADDRESS_TAKEN, now)
        else:
            await _replace_pending(unit, user_id, name, password_hash, now)
            await mails.request(unit, user_id, MailPurpose.VERIFY_EMAIL, now)

    await _looking_again(db, work)


async def _looking_again(db: Database, work: Callable[[Unit], Awaitable[Result]]) -> Result:
    for attempt in range(1, _REGISTER_ATTEMPTS + 1):
        try:
            return await unit_of_work.run(db, work)
        except _AddressJustTaken:
            if attempt == _REGISTER_ATTEMPTS:
                raise errors.unavailable(
                    "The address was registered by other requests at the same time."
                ) from None
    raise AssertionError("the last attempt returns or raises")


async def _insert(
    unit: Unit,
    user_id: UUID,
    name: str,
    email: str,
    password_hash: str,
    *,
    is_verified: bool = False,
) -> datetime:
    now = await unit.clock()
    await unit.connection.execute(
        _INSERT_USER,
        {
            "user_id": user_id,
            "name": name,
            "search_text": texts.search_text(name),
            "email": email,
            "password_hash": password_hash,
            "now": now,
            "verified_at": now if is_verified else None,
        },
    )
    inserted = await unit.connection.scalar(_INSERT_ADDRESS, {"address": email, "user_id": user_id})
    if inserted is None:
        raise _AddressJustTaken
    return now


async def _replace_pending(
    unit: Unit, user_id: UUID, name: str, password_hash: str, now: datetime
) -> None:
    """Whoever registered before has not shown that the address is theirs: nothing of it stays."""
    await unit.connection.execute(
        _REPLACE_PENDING,
        {
            "user_id": user_id,
            "name": name,
            "search_text": texts.search_text(name),
            "password_hash": password_hash,
        },
    )
    await sessions.end_within(unit, user_id, now)
    await api_tokens.revoke_within(unit, user_id, now)
    for purpose in (MailPurpose.VERIFY_EMAIL, MailPurpose.RESET_PASSWORD):
        await links.end(unit, user_id, purpose, now)
        await mails.withdraw(unit, user_id, purpose)


async def register_verified(db: Database, *, name: str, email: str, password_hash: str) -> UUID:
    """Register somebody whose address is known to be good, such as the demo's people: no mail.

    An account that is verified already is left as it is. Returns whose it is.
    """

    async def work(unit: Unit) -> UUID:
        user_id: UUID | None = await unit.connection.scalar(_BY_ADDRESS, {"address": email})
        if user_id is None:
            user_id = ids.new_id()
            await _insert(unit, user_id, name, email, password_hash, is_verified=True)
            return user_id
        person = await persons.lock(unit, user_id)
        if person is not None and person.email_verified_at is None:
            now = await unit.clock()
            await _replace_pending(unit, user_id, name, password_hash, now)
            await unit.connection.execute(_VERIFY, {"user_id": user_id, "now": now})
        return user_id

    return await _looking_again(db, work)


# ================================================================ verifying


async def resend_verification(db: Database, email: str) -> None:
    """Mail a new link if the address is somebody's and not verified yet: one commit in any case."""

    async def work(unit: Unit) -> None:
        person, now = await _by_address(unit, email)
        is_pending = person is not None and person.email_verified_at is None
        await _request_or_nothing(
            unit, person if is_pending else None, MailPurpose.VERIFY_EMAIL, now
        )

    await unit_of_work.run(db, work)


async def verify_email(db: Database, token: NamedSecret, *, keep_session_id: UUID | None) -> str:
    """Use a verification link; returns the address that is verified now. Raises InvalidToken.

    Ends every session but the one that verifies, if that is this person's own. If none is, whoever
    registered may not be who reads the mail: API tokens made before end as well.
    """

    async def work(unit: Unit) -> str:
        person = await persons.lock(unit, token.user_id)
        good = await links.is_good(unit.connection, token, MailPurpose.VERIFY_EMAIL)
        if person is None or not good:
            raise errors.InvalidToken
        now = await unit.clock()
        if person.email_verified_at is None:
            await unit.connection.execute(_VERIFY, {"user_id": person.id, "now": now})
        await links.end(unit, person.id, MailPurpose.VERIFY_EMAIL, now)
        await mails.withdraw(unit, person.id, MailPurpose.VERIFY_EMAIL)
        kept = await stored_credentials.is_active_session(unit, person.id, keep_session_id)
        await sessions.end_within(unit, person.id, now, except_id=keep_session_id)
        if not kept:
            await api_tokens.revoke_within(unit, person.id, now)
        email: str = person.email
        return email

    return await unit_of_work.run(db, work)


async def _by_address(unit: Unit, email: str) -> tuple[Row[Any] | None, datetime]:
    """Whose address it is, locked. The same statements are run where it is nobody's."""
    user_id = await unit.connection.scalar(_BY_ADDRESS, {"address": email})
    person = await persons.lock(unit, user_id or ids.new_id())
    return person, await unit.clock()


async def _request_or_nothing(
    unit: Unit, person: Row[Any] | None, purpose: MailPurpose, now: datetime
) -> None:
    if person is not None:
        await mails.request(unit, person.id, purpose, now)
        return
    # The same work where there is nobody to write to, so that its time says nothing either.
    await mails.request_nothing(unit, ids.new_id(), purpose, now)


# ================================================================ passwords


async def credentials(db: Database, email: str) -> Credentials | None:
    """What a sign-in with that address is checked against; None where nobody has it."""

    async def work(connection: Any) -> Credentials | None:
        row = (await connection.execute(_CREDENTIALS, {"address": email})).one_or_none()
        return None if row is None else Credentials(row.id, row.password_hash)

    return await db.read(work)


async def password_hash(db: Database, user_id: UUID) -> str:
    """The person's password hash. Raises Unauthenticated for nobody."""
    found: str | None = await db.read(lambda c: c.scalar(_PASSWORD_HASH, {"user_id": user_id}))
    if found is None:
        raise errors.Unauthenticated
    return found


async def request_password_reset(db: Database, email: str) -> None:
    """Mail a reset link if the address is somebody's: one commit in any case."""

    async def work(unit: Unit) -> None:
        person, now = await _by_address(unit, email)
        await _request_or_nothing(unit, person, MailPurpose.RESET_PASSWORD, now)

    await unit_of_work.run(db, work)


async def is_link_good(db: Database, token: NamedSecret, purpose: MailPurpose) -> bool:
    """Whether the link would be accepted now: asked before costly work is done for it."""
    return await db.read(lambda connection: links.is_good(connection, token, purpose))


async def reset_password(
    db: Database, token: NamedSecret, *, password_hash: str
) -> EndedCredentials:
    """Use a reset link: all sessions and API tokens end. Raises InvalidToken."""

    async def work(unit: Unit) -> EndedCredentials:
        person = await persons.lock(unit, token.user_id)
        good = await links.is_good(unit.connection, token, MailPurpose.RESET_PASSWORD)
        if person is None or not good:
            raise errors.InvalidToken
        return await _set_password(
            unit, person.id, password_hash, keep_session_id=None, revoke_api_tokens=True
        )

    return await unit_of_work.run(db, work)


async def change_password(
    db: Database,
    caller: Principal,
    *,
    old_hash: str,
    password_hash: str,
    revoke_api_tokens: bool,
) -> EndedCredentials:
    """Replace the caller's password whose hash is `old_hash`: every other session ends, and, where that is
    asked for, every API token.

    Raises Unauthenticated where the caller's session has ended, and InvalidCredentials where that is no
    longer the hash.
    """

    async def work(unit: Unit) -> EndedCredentials:
        person = await persons.lock_caller(unit, caller)
        if person.password_hash != old_hash:
            raise errors.InvalidCredentials
        return await _set_password(
            unit,
            caller.user_id,
            password_hash,
            keep_session_id=caller.session_id,
            revoke_api_tokens=revoke_api_tokens,
        )

    return await unit_of_work.run(db, work)


async def _set_password(
    unit: Unit,
    user_id: UUID,
    password_hash: str,
    *,
    keep_session_id: UUID | None,
    revoke_api_tokens: bool,
) -> EndedCredentials:
    now = await unit.clock()
    await unit.connection.execute(
        _SET_PASSWORD, {"user_id": user_id, "password_hash": password_hash}
    )
    ended = await sessions.end_within(unit, user_id, now, except_id=keep_session_id)
    revoked = await api_tokens.revoke_within(unit, user_id, now) if revoke_api_tokens else 0
    await links.end(unit, user_id, MailPurpose.RESET_PASSWORD, now)
    await mails.withdraw(unit, user_id, MailPurpose.RESET_PASSWORD)
    await mails.request(
        unit, user_id, MailPurpose.PASSWORD_CHANGED, now, details={"api_tokens_revoked": revoked}
    )
    return EndedCredentials(sessions=len(ended), api_tokens=revoked)


# ================================================================ profiles


async def update_profile(db: Database, caller: Principal, *, name: str) -> Person:
    """Give the caller another name, which is clean.

    Raises Unauthenticated where the caller's session has ended.
    """
    user_id = caller.user_id

    async def work(unit: Unit) -> Person:
        await persons.lock_caller(unit, caller)
        await unit.connection.execute(
            _RENAME, {"user_id": user_id, "name": name, "search_text": texts.search_text(name)}
        )
        return await persons.within(unit, user_id)

    return await unit_of_work.run(db, work)


async def person(db: Database, user_id: UUID) -> Person | None:
    """That person."""
    return (await people(db, [user_id])).get(user_id)


async def people(db: Database, user_ids: Collection[UUID]) -> dict[UUID, Person]:
    """Those people, in one query; unknown ids are left out."""
    return await persons.by_ids(db, user_ids)


async def user_id_by_email(db: Database, email: str) -> UUID | None:
    """Whose address that is, verified or not."""
    found: UUID | None = await db.read(lambda c: c.scalar(_BY_ADDRESS, {"address": email}))
    return found
