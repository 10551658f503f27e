"""Registrations: accounts whose address is not verified yet. An address may have any number of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from domain import errors, events, ids, time_zones
from domain import text as texts
from domain.people import accounts
from domain.people.accounts import MailPurpose
from domain.people.sessions import NamedSecret
from persistence import tables
from persistence.delivery import mail_requests
from persistence.engine import unit_of_work
from persistence.engine.database import Database
from persistence.engine.unit_of_work import Unit
from persistence.people import api_tokens, credentials, links, persons, sessions, skeleton_rows

#: How many registrations of an address get a new link when a signed-out client requests one.
RESENT_AT_ONCE = 3

_OWNER = text("SELECT user_id FROM email_addresses WHERE address = :address")
_ERASED_AT = text("SELECT erase_at FROM closed_accounts WHERE user_id = :user_id")
_INSERT_USER = text(
    "INSERT INTO users (id, name, search_text, email, password_hash, created_at, "
    "registration_expires_at, time_zone) VALUES (:user_id, :name, :search_text, :email, "
    ":password_hash, :now, :expires_at, :time_zone)"
)
_CLAIM = text(
    "INSERT INTO email_addresses (address, user_id) VALUES (:address, :user_id) "
    "ON CONFLICT DO NOTHING RETURNING address"
)
_VERIFY = text(
    "UPDATE users SET email_verified_at = :now, registration_expires_at = NULL WHERE id = :user_id"
)
_OF_ADDRESS = text(
    "SELECT id FROM users WHERE email = :address AND email_verified_at IS NULL "
    "AND registration_expires_at > clock_timestamp() ORDER BY id DESC LIMIT :limit"
)
_RIVALS = text(
    "SELECT id FROM users WHERE email_verified_at IS NULL AND email = "
    "(SELECT email FROM users WHERE id = :user_id AND email_verified_at IS NULL)"
)
_EXPIRED = text(
    "SELECT id FROM users WHERE registration_expires_at < clock_timestamp() LIMIT :limit"
)
# Only verified users have these rows, which must not be deleted.
_NEVER_OF_A_REGISTRATION = ("transactions", "email_addresses")
_DELETIONS = [
    *(
        text(f"DELETE FROM {table.name} WHERE user_id = ANY(:user_ids)")  # noqa: S608
        for table in reversed(tables.metadata.sorted_tables)
        if "user_id" in table.columns and table.name not in _NEVER_OF_A_REGISTRATION
    ),
    text("DELETE FROM users WHERE id = ANY(:user_ids) AND email_verified_at IS NULL"),
]


# ================================================================ registering


async def register(
    db: Database,
    *,
    name: str,
    email: str,
    password_hash: str,
    time_zone: str = time_zones.UTC,
    requester: mail_requests.Requester | None = None,
) -> None:
    """Register: in every case one commit and one mail.

    If the address is verified already, its owner is told by mail and nothing else changes. Otherwise a
    registration is added to any others of the address. `email` and `name` are normalized.
    """

    async def work(unit: Unit) -> None:
        owner_id = await unit.connection.scalar(_OWNER, {"address": email})
        now = await unit.clock()
        if owner_id is None:
            user_id = await _insert(unit, name, email, password_hash, now, time_zone=time_zone)
            await mail_requests.request(
                unit, user_id, MailPurpose.VERIFY_EMAIL, now, requester=requester
            )
        elif await persons.lock_any(unit, owner_id) is None:
            unit.announce(ids.new_id(), events.Topic.NOTHING_HAPPENED, {})
        else:
            erased_at = await unit.connection.scalar(_ERASED_AT, {"user_id": owner_id})
            await mail_requests.request(
                unit,
                owner_id,
                MailPurpose.ADDRESS_TAKEN,
                now,
                requester=requester,
                details={"erased_at": None if erased_at is None else texts.rfc3339(erased_at)},
            )

    await unit_of_work.run(db, work)


async def register_verified(db: Database, *, name: str, email: str, password_hash: str) -> UUID:
    """Register a user whose address needs no verification, such as a demo user; no mail is sent.

    An address that already has an owner keeps it. Returns the owner.
    """

    async def work(unit: Unit) -> UUID:
        owner_id: UUID | None = await unit.connection.scalar(_OWNER, {"address": email})
        if owner_id is not None:
            return owner_id
        now = await unit.clock()
        user_id = await _insert(unit, name, email, password_hash, now)
        await _claim(unit, user_id, name, email, now)
        await discard(unit, await _of_address(unit, email))
        return user_id

    try:
        return await unit_of_work.run(db, work)
    except errors.InvalidToken:
        # The address was claimed concurrently: the second attempt finds its owner.
        return await unit_of_work.run(db, work)


async def _insert(
    unit: Unit,
    name: str,
    email: str,
    password_hash: str,
    now: datetime,
    *,
    time_zone: str = time_zones.UTC,
) -> UUID:
    user_id = ids.new_id()
    await unit.connection.execute(
        _INSERT_USER,
        {
            "user_id": user_id,
            "name": name,
            "search_text": texts.search_text(name),
            "email": email,
            "password_hash": password_hash,
            "now": now,
            "time_zone": time_zone,
            "expires_at": now + accounts.LINK_LIFETIMES[MailPurpose.VERIFY_EMAIL],
        },
    )
    return user_id


# ================================================================ verifying


async def _of_address(unit: Unit, email: str, limit: int | None = None) -> Sequence[UUID]:
    """The registrations of that address that have not expired, newest first."""
    found = await unit.connection.scalars(_OF_ADDRESS, {"address": email, "limit": limit})
    return found.all()


async def resend_verification(
    db: Database,
    email: str,
    *,
    user_id: UUID | None = None,
    requester: mail_requests.Requester | None = None,
) -> None:
    """Mail a new link to that registration of the address, or else to the newest few.

    The work is the same whether or not the address has any.
    """

    async def work(unit: Unit) -> None:
        found = await _of_address(unit, email, RESENT_AT_ONCE)
        if user_id is not None:
            found = [user_id]
        locked = await persons.lock_all(unit, [*found, ids.new_id()])
        now = await unit.clock()
        waiting = [row.id for row in locked if row.email_verified_at is None and row.email == email]
        for number in range(RESENT_AT_ONCE):
            if number < len(waiting):
                await mail_requests.request(
                    unit, waiting[number], MailPurpose.VERIFY_EMAIL, now, requester=requester
                )
            else:
                await mail_requests.request_nothing(
                    unit, ids.new_id(), MailPurpose.VERIFY_EMAIL, now, requester=requester
                )

    await unit_of_work.run(db, work)


async def verify_email(
    db: Database, token: NamedSecret, *, session_id: UUID | None, password_hash: str | None
) -> str:
    """Use a verification link. Returns the address, which from now on belongs to the link's registration.

    The request must come from an active session of that registration, or its password must have been
    verified against `password_hash`: otherwise this raises InvalidCredentials, and the link stays valid.
    Raises InvalidToken for an invalid link, and if another registration has claimed the address first.

    Discards the other registrations of the address, and ends every session of the account except
    `session_id`. Without such a session, it also revokes the account's API tokens.
    """

    async def work(unit: Unit) -> str:
        rivals = set(await unit.connection.scalars(_RIVALS, {"user_id": token.user_id}))
        locked = {row.id: row for row in await persons.lock_all(unit, rivals)}
        person = locked.pop(token.user_id, None)
        good = await links.is_good(unit.connection, token, MailPurpose.VERIFY_EMAIL)
        if person is None or person.email_verified_at is not None or not good:
            raise errors.InvalidToken
        is_own_session = await credentials.is_active_session(unit, person.id, session_id)
        if not is_own_session and person.password_hash != password_hash:
            raise errors.InvalidCredentials
        now = await unit.clock()
        await _claim(unit, person.id, person.name, person.email, now)
        await links.end(unit, person.id, MailPurpose.VERIFY_EMAIL, now)
        await mail_requests.withdraw(unit, person.id, MailPurpose.VERIFY_EMAIL)
        await sessions.end_within(
            unit, person.id, now, except_id=session_id if is_own_session else None
        )
        if not is_own_session:
            await api_tokens.revoke_within(unit, person.id, now)
        await discard(unit, [row.id for row in locked.values() if row.email_verified_at is None])
        email: str = person.email
        return email

    return await unit_of_work.run(db, work)


async def _claim(unit: Unit, user_id: UUID, name: str, email: str, now: datetime) -> None:
    """Make that registration the owner of the address. Raises InvalidToken if it has one already."""
    claimed = await unit.connection.scalar(_CLAIM, {"address": email, "user_id": user_id})
    if claimed is None:
        raise errors.InvalidToken
    await unit.connection.execute(_VERIFY, {"user_id": user_id, "now": now})
    await skeleton_rows.store(unit, user_id, name=name, handle=None)


# ================================================================ discarding


async def discard(unit: Unit, user_ids: Collection[UUID]) -> int:
    """Delete these registrations with their sessions, API tokens, links and mails; returns how many.

    Connections of their sessions end at the next poll, like those of any session that no longer exists.
    """
    locked = await persons.lock_all(unit, user_ids)
    discarded = [row.id for row in locked if row.email_verified_at is None]
    if discarded:
        for statement in _DELETIONS:
            await unit.connection.execute(statement, {"user_ids": discarded})
    return len(discarded)


async def discard_expired(db: Database, batch: int) -> int:
    """Discard at most `batch` registrations that have expired; returns how many."""

    async def work(unit: Unit) -> int:
        expired = await unit.connection.scalars(_EXPIRED, {"limit": batch})
        locked = await persons.lock_all(unit, expired.all())
        now = await unit.clock()
        return await discard(
            unit,
            [
                row.id
                for row in locked
                if row.registration_expires_at is not None and row.registration_expires_at < now
            ],
        )

    return await unit_of_work.run(db, work)
