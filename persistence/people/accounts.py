"""Accounts: passwords, profiles, and the owners of addresses."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from domain import errors, ids
from domain import text as texts
from domain.notifications.notices import Mail, Notice
from domain.notifications.notification_kinds import NotificationKind, SecurityChange
from domain.people.accounts import MailPurpose, Person
from domain.people.restrictions import Restriction
from domain.people.second_factors import InvalidSecondFactor
from domain.people.sessions import NamedSecret, Principal
from persistence.delivery import mail_requests
from persistence.engine import unit_of_work
from persistence.engine.database import Database
from persistence.engine.unit_of_work import Unit
from persistence.notifications import notifying
from persistence.people import (
    api_tokens,
    challenges,
    handles,
    links,
    persons,
    restrictions,
    sessions,
    skeleton_rows,
)

_CONFIRM_ABOVE = text("SELECT confirm_above FROM users WHERE id = :user_id")
_BY_ADDRESS = text("SELECT user_id FROM email_addresses WHERE address = :address")
# The owner of an address has it in email_addresses too, where that of a closed account is found.
_CREDENTIALS = text(
    "SELECT id, password_hash, email_verified_at FROM users WHERE email = :address "
    "AND closed_at IS NULL AND (email_verified_at IS NOT NULL "
    "OR registration_expires_at > clock_timestamp()) "
    "UNION ALL "
    "SELECT u.id, u.password_hash, u.email_verified_at FROM email_addresses AS e "
    "JOIN users AS u ON u.id = e.user_id AND u.closed_at IS NOT NULL WHERE e.address = :address "
    "ORDER BY email_verified_at NULLS LAST, id DESC"
)
_PASSWORD_HASH = text("SELECT password_hash FROM users WHERE id = :user_id AND closed_at IS NULL")
_SET_PASSWORD = text("UPDATE users SET password_hash = :password_hash WHERE id = :user_id")
_UPDATE_PROFILE = text(
    "UPDATE users SET name = coalesce(:name, name), "
    "search_text = coalesce(:search_text, search_text), "
    "time_zone = coalesce(:time_zone, time_zone) WHERE id = :user_id"
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """The password hashes for a sign-in."""

    user_id: UUID
    password_hash: str
    is_verified: bool


@dataclass(frozen=True, slots=True)
class EndedCredentials:
    """The numbers of sessions and API tokens that a new password ended."""

    sessions: int
    api_tokens: int


# ================================================================ passwords


async def credentials(db: Database, email: str) -> list[Credentials]:
    """The password hashes for a sign-in with that address.

    Those of the owner of the address, whose account may be closed; without an owner, of its registrations, newest first.
    """
    rows = (await db.read(lambda c: c.execute(_CREDENTIALS, {"address": email}))).all()
    found = [
        Credentials(row.id, row.password_hash, row.email_verified_at is not None) for row in rows
    ]
    return found[:1] if found and found[0].is_verified else found


async def password_hash(db: Database, user_id: UUID) -> str:
    """The user's password hash. Raises Unauthenticated for an unknown user."""
    found: str | None = await db.read(lambda c: c.scalar(_PASSWORD_HASH, {"user_id": user_id}))
    if found is None:
        raise errors.Unauthenticated
    return found


async def request_password_reset(
    db: Database, email: str, *, requester: mail_requests.Requester | None = None
) -> None:
    """Mail a reset link if the address has an owner: one commit in any case."""

    async def work(unit: Unit) -> None:
        person, now = await _by_address(unit, email)
        if person is None:
            # The same work without a recipient, so that timing reveals nothing either.
            await mail_requests.request_nothing(
                unit, ids.new_id(), MailPurpose.RESET_PASSWORD, now, requester=requester
            )
        else:
            await mail_requests.request(
                unit, person.id, MailPurpose.RESET_PASSWORD, now, requester=requester
            )

    await unit_of_work.run(db, work)


async def _by_address(unit: Unit, email: str) -> tuple[Row[Any] | None, datetime]:
    """The owner of the address, locked. The same statements are executed without an owner."""
    user_id = await unit.connection.scalar(_BY_ADDRESS, {"address": email})
    person = await persons.lock(unit, user_id or ids.new_id())
    return person, await unit.clock()


async def is_link_good(db: Database, token: NamedSecret, purpose: MailPurpose) -> bool:
    """Whether the link would be accepted now: checked before expensive work."""
    return await db.read(lambda connection: links.is_good(connection, token, purpose))


async def reset_password(
    db: Database, token: NamedSecret, *, password_hash: str
) -> EndedCredentials:
    """Use a reset link of a user without a second factor: all sessions and API tokens end.

    Raises InvalidToken, and InvalidSecondFactor for a user with one.
    """

    async def work(unit: Unit) -> EndedCredentials:
        person = await lock_for_reset(unit, token)
        if person.confirm_above is not None:
            raise InvalidSecondFactor
        return await reset_within(unit, person, token, password_hash)

    return await unit_of_work.run(db, work)


async def lock_for_reset(unit: Unit, token: NamedSecret) -> Row[Any]:
    """The row of the user whose reset link it is, locked. Raises InvalidToken unless the link is good."""
    person = await persons.lock(unit, token.user_id)
    good = await links.is_good(unit.connection, token, MailPurpose.RESET_PASSWORD)
    if person is None or person.email_verified_at is None or not good:
        raise errors.InvalidToken
    return person


async def reset_within(
    unit: Unit, person: Row[Any], token: NamedSecret, password_hash: str
) -> EndedCredentials:
    """As `reset_password`, of a locked user whose second factor, if any, was verified."""
    if not await links.is_good(unit.connection, token, MailPurpose.RESET_PASSWORD):
        raise errors.InvalidToken
    return await _set_password(
        unit,
        person,
        password_hash,
        SecurityChange.PASSWORD_RESET,
        keep_session_id=None,
        revoke_api_tokens=True,
    )


async def change_password(
    db: Database,
    caller: Principal,
    *,
    old_hash: str,
    password_hash: str,
    revoke_api_tokens: bool,
) -> EndedCredentials:
    """Replace the caller's password whose hash is `old_hash`: every other session ends, and, if
    requested, every API token.

    Raises Unauthenticated if the caller's session has ended, SessionNotConfirmed, or InvalidCredentials if
    the hash has changed.
    """

    async def work(unit: Unit) -> EndedCredentials:
        person = await persons.lock_caller(unit, caller, confirmed=True)
        if person.password_hash != old_hash:
            raise errors.InvalidCredentials
        return await _set_password(
            unit,
            person,
            password_hash,
            SecurityChange.PASSWORD_CHANGED,
            keep_session_id=caller.session_id,
            revoke_api_tokens=revoke_api_tokens,
        )

    return await unit_of_work.run(db, work)


async def _set_password(
    unit: Unit,
    person: Row[Any],
    password_hash: str,
    change: SecurityChange,
    *,
    keep_session_id: UUID | None,
    revoke_api_tokens: bool,
) -> EndedCredentials:
    user_id, now = person.id, await unit.clock()
    await unit.connection.execute(
        _SET_PASSWORD, {"user_id": user_id, "password_hash": password_hash}
    )
    ended = await sessions.end_within(unit, user_id, now, except_id=keep_session_id)
    revoked = await api_tokens.revoke_within(unit, user_id, now) if revoke_api_tokens else 0
    await challenges.end_all(unit, user_id, now)
    await links.end(unit, user_id, MailPurpose.RESET_PASSWORD, now)
    await mail_requests.withdraw(unit, user_id, MailPurpose.RESET_PASSWORD)
    # Not to an unverified address, which may belong to another person.
    facts = {"api_tokens_revoked": revoked}
    notice = Notice(
        user_id,
        NotificationKind.SECURITY_CHANGED,
        details={"change": change.value, **facts},
        mail=Mail(MailPurpose.PASSWORD_CHANGED, facts),
    )
    await notifying.notify(unit, [notice])
    return EndedCredentials(sessions=len(ended), api_tokens=revoked)


# ================================================================ profiles


async def update_profile(
    db: Database,
    caller: Principal,
    *,
    name: str | None = None,
    time_zone: str | None = None,
    handle: str | None = None,
    release_handle: bool = False,
) -> Person:
    """Change the caller's profile; the values were normalized, and None leaves one unchanged.

    Raises Unauthenticated if the caller's session has ended, HandleTaken, InvalidInput for a user with too
    many reserved handles, or Forbidden for a handle of an unverified user.
    """
    user_id = caller.user_id

    async def work(unit: Unit) -> Person:
        locked = await persons.lock_caller(unit, caller)
        if handle is not None or release_handle:
            await handles.change(unit, locked, handle, await unit.clock())
        changes = {
            "name": name,
            "search_text": None if name is None else texts.search_text(name),
            "time_zone": time_zone,
        }
        await unit.connection.execute(_UPDATE_PROFILE, {"user_id": user_id, **changes})
        changed = await persons.within(unit, user_id)
        if changed.email_verified_at is not None:
            await skeleton_rows.store(unit, user_id, name=changed.name, handle=changed.handle)
        return changed

    return await unit_of_work.run(db, work)


async def person(db: Database, user_id: UUID) -> Person | None:
    """The user."""
    return (await people(db, [user_id])).get(user_id)


async def people(db: Database, user_ids: Collection[UUID]) -> dict[UUID, Person]:
    """The users, in one query; unknown ids are left out."""
    return await persons.by_ids(db, user_ids)


async def payee(db: Database, user_id: UUID) -> Person | None:
    """The user, if money can be sent to them: verified, not closed, and not barred from receiving."""
    person = await persons.unclosed(db, user_id)
    if person is None or person.email_verified_at is None:
        return None
    barred = await restrictions.in_force(db, user_id)
    return None if Restriction.RECEIVING in barred else person


async def confirm_above_minor(db: Database, user_id: UUID) -> int | None:
    """Above which amount the user confirms transfers with a second factor; None without one."""
    found: int | None = await db.read(lambda c: c.scalar(_CONFIRM_ABOVE, {"user_id": user_id}))
    return found


async def user_id_by_email(db: Database, email: str) -> UUID | None:
    """The user who has verified that address."""
    found: UUID | None = await db.read(lambda c: c.scalar(_BY_ADDRESS, {"address": email}))
    return found
