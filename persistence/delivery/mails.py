"""Mails: which are due, and the outcome of each try.

A mail whose purpose this release does not know waits for a release that does, and blocks nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from domain.people import accounts
from domain.people.accounts import MailPurpose, Person
from persistence.engine import unit_of_work
from persistence.engine.database import Database
from persistence.engine.unit_of_work import Unit
from persistence.people import links, persons

#: How long a worker leases a mail for. It renews the lease, unless it was killed.
LEASE_SECONDS = 20.0
#: The pauses after the first and the second refusal; the third is the last.
REFUSAL_PAUSES = (timedelta(seconds=30), timedelta(minutes=5))
#: How long a mail is retried while the server is unreachable, with growing pauses.
UNREACHABLE_FOR = timedelta(hours=24)
_SHORTEST_PAUSE = timedelta(seconds=5)
_LONGEST_PAUSE = timedelta(minutes=5)
_ERROR_CHARACTERS = 500

_KNOWN = {"known": [purpose.value for purpose in MailPurpose]}

# A registration lives as long as its newest link.
_PROLONG_REGISTRATION = text(
    "UPDATE users SET registration_expires_at = :expires_at "
    "WHERE id = :user_id AND registration_expires_at < :expires_at"
)
_TAKE = text(
    "UPDATE mails SET next_try_at = now() + make_interval(secs => :lease) "
    "WHERE user_id = :user_id AND id = :mail_id AND state = 'pending' AND next_try_at <= now() "
    "AND purpose = ANY(:known) RETURNING *"
)
_RENEW = text(
    "UPDATE mails SET next_try_at = now() + make_interval(secs => :lease) "
    "WHERE user_id = :user_id AND id = :mail_id AND state = 'pending'"
)
_LOCK = text(
    "SELECT *, clock_timestamp() AS now FROM mails "
    "WHERE user_id = :user_id AND id = :mail_id AND state = 'pending' FOR NO KEY UPDATE"
)
_SENT = text(
    "UPDATE mails SET state = 'sent', sent_at = now(), last_error = NULL "
    "WHERE user_id = :user_id AND id = :mail_id AND state = 'pending'"
)
_FAILED_TRY = text(
    "UPDATE mails SET state = :state, refusals = :refusals, next_try_at = :next_try_at, "
    "last_error = :error WHERE user_id = :user_id AND id = :mail_id"
)
_DUE = text(
    "SELECT user_id, id FROM mails WHERE state = 'pending' AND next_try_at <= now() "
    "AND purpose = ANY(:known) ORDER BY next_try_at LIMIT :limit"
)
_COUNTS = text(
    "SELECT CASE WHEN state = 'pending' AND purpose <> ALL(:known) THEN 'unknown_purpose' "
    "ELSE state END AS state, count(*) AS mails "
    "FROM mails WHERE state IN ('pending', 'failed') GROUP BY 1"
)
_RETRY_FAILED = text(
    "UPDATE mails SET state = 'pending', refusals = 0, trying_since = now(), next_try_at = now() "
    "WHERE state = 'failed'"
)


@dataclass(frozen=True, slots=True)
class MailToSend:
    """A mail that this worker has leased."""

    person: Person
    purpose: MailPurpose
    mail_id: UUID
    first_created_at: datetime
    #: How many tries the mail server has refused so far.
    refusals: int
    #: Facts for the mail template.
    details: Mapping[str, Any]

    @property
    def subject_id(self) -> UUID | None:
        """The session that the mail's link ends, if it is about one."""
        return UUID(self.details["session_id"]) if "session_id" in self.details else None


async def take(
    db: Database, user_id: UUID, mail_id: UUID, *, lease_seconds: float = LEASE_SECONDS
) -> MailToSend | None:
    """Lease a mail for one try; None if it is done, withdrawn, not due or leased by another worker."""

    async def work(unit: Unit) -> MailToSend | None:
        taken = await unit.connection.execute(
            _TAKE, {"user_id": user_id, "mail_id": mail_id, "lease": lease_seconds, **_KNOWN}
        )
        row = taken.one_or_none()
        if row is None:
            return None
        person = await persons.addressee(unit, user_id)
        return MailToSend(
            person, MailPurpose(row.purpose), mail_id, row.created_at, row.refusals, row.details
        )

    return await unit_of_work.run(db, work)


async def renew(db: Database, mail: MailToSend, *, lease_seconds: float = LEASE_SECONDS) -> None:
    """Renew the lease of a mail during a long try. Raises Unavailable."""

    async def work(unit: Unit) -> None:
        await unit.connection.execute(_RENEW, {**_names(mail), "lease": lease_seconds})

    await unit_of_work.run(db, work)


async def add_link(db: Database, mail: MailToSend, *, token_hash: bytes, link_id: UUID) -> bool:
    """Store the link that this mail will contain; False if the mail was withdrawn and must not be sent."""
    user_id = mail.person.user_id

    async def work(unit: Unit) -> bool:
        # Also for a closed account: mails that must not be sent then were withdrawn when it was closed.
        if await persons.lock_any(unit, user_id) is None or await _lock(unit, mail) is None:
            return False
        now = await unit.clock()
        expires_at = now + accounts.LINK_LIFETIMES[mail.purpose]
        await links.add(
            unit,
            user_id,
            link_id,
            purpose=mail.purpose,
            token_hash=token_hash,
            now=now,
            expires_at=expires_at,
            subject_id=mail.subject_id,
        )
        if mail.purpose is MailPurpose.VERIFY_EMAIL:
            await unit.connection.execute(
                _PROLONG_REGISTRATION, {"user_id": user_id, "expires_at": expires_at}
            )
        return True

    return await unit_of_work.run(db, work)


async def sent(db: Database, mail: MailToSend) -> None:
    """The server has accepted the mail."""

    async def work(unit: Unit) -> None:
        await unit.connection.execute(_SENT, _names(mail))

    await unit_of_work.run(db, work)


async def refused(db: Database, mail: MailToSend, *, permanent: bool, error: str) -> None:
    """The server has refused the mail: unless that is permanent, try again, three times in all."""

    async def work(unit: Unit) -> None:
        row = await _lock(unit, mail)
        if row is not None:
            refusals = row.refusals + 1
            is_last = permanent or refusals > len(REFUSAL_PAUSES)
            pause = timedelta() if is_last else REFUSAL_PAUSES[refusals - 1]
            await _failed_try(
                unit, mail, row, error=error, is_last=is_last, pause=pause, refusals=refusals
            )

    await unit_of_work.run(db, work)


async def unreachable(db: Database, mail: MailToSend, *, error: str) -> None:
    """The server is unreachable, which does not count as a refusal: try again for 24 hours."""

    async def work(unit: Unit) -> None:
        row = await _lock(unit, mail)
        if row is not None:
            waited = row.now - row.trying_since
            pause = min(max(waited / 2, _SHORTEST_PAUSE), _LONGEST_PAUSE)
            is_last = waited >= UNREACHABLE_FOR
            await _failed_try(
                unit, mail, row, error=error, is_last=is_last, pause=pause, refusals=row.refusals
            )

    await unit_of_work.run(db, work)


async def _lock(unit: Unit, mail: MailToSend) -> Row[Any] | None:
    return (await unit.connection.execute(_LOCK, _names(mail))).one_or_none()


async def _failed_try(
    unit: Unit,
    mail: MailToSend,
    row: Row[Any],
    *,
    error: str,
    is_last: bool,
    pause: timedelta,
    refusals: int,
) -> None:
    await unit.connection.execute(
        _FAILED_TRY,
        {
            **_names(mail),
            "state": "failed" if is_last else "pending",
            "refusals": refusals,
            "next_try_at": row.now + pause,
            "error": error.replace("\0", "")[:_ERROR_CHARACTERS],
        },
    )


def _names(mail: MailToSend) -> dict[str, UUID]:
    return {"user_id": mail.person.user_id, "mail_id": mail.mail_id}


async def due(db: Database, limit: int) -> list[tuple[UUID, UUID]]:
    """The mails whose next try is due, as pairs of user id and mail id, the longest waiting first."""
    rows = await db.read(lambda connection: connection.execute(_DUE, {"limit": limit, **_KNOWN}))
    return [(row.user_id, row.id) for row in rows]


async def counts(db: Database) -> dict[str, int]:
    """How many mails wait (`pending`), were given up (`failed`), or wait for a release that knows their
    purpose (`unknown_purpose`).
    """
    rows = await db.read(lambda connection: connection.execute(_COUNTS, _KNOWN))
    return {"pending": 0, "failed": 0, "unknown_purpose": 0} | {
        row.state: row.mails for row in rows
    }


async def retry_failed(db: Database) -> int:
    """Make every mail that was given up due again; returns how many."""

    async def work(unit: Unit) -> int:
        return (await unit.connection.execute(_RETRY_FAILED)).rowcount

    return await unit_of_work.run(db, work)
