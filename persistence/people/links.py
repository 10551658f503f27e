"""The links in mails: created, checked and ended. Only hashes of their tokens are stored."""

from __future__ import annotations

import hmac
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.people import sessions
from domain.people.accounts import MailPurpose
from domain.people.sessions import NamedSecret
from persistence.engine.unit_of_work import Unit

_FIND = text(
    "SELECT token_hash FROM links WHERE user_id = :user_id AND id = :link_id "
    "AND purpose = :purpose AND ended_at IS NULL AND expires_at > clock_timestamp()"
)
_ADD = text(
    "INSERT INTO links (user_id, id, purpose, subject_id, token_hash, created_at, expires_at) "
    "VALUES (:user_id, :link_id, :purpose, :subject_id, :token_hash, :now, :expires_at)"
)
_SUBJECT = text("SELECT subject_id FROM links WHERE user_id = :user_id AND id = :link_id")
_END_ONE = text("UPDATE links SET ended_at = :now WHERE user_id = :user_id AND id = :link_id")
_END = text(
    "UPDATE links SET ended_at = :now "
    "WHERE user_id = :user_id AND purpose = :purpose AND ended_at IS NULL"
)


async def is_good(connection: AsyncConnection, token: NamedSecret, purpose: MailPurpose) -> bool:
    """Whether the link is unused, not withdrawn and not expired, and the token matches."""
    stored = await connection.scalar(
        _FIND, {"user_id": token.user_id, "link_id": token.row_id, "purpose": purpose.value}
    )
    # Compared even without a link, so that timing reveals nothing.
    return hmac.compare_digest(sessions.hash_secret(token.text), stored or bytes(32))


async def add(
    unit: Unit,
    user_id: UUID,
    link_id: UUID,
    *,
    purpose: MailPurpose,
    token_hash: bytes,
    now: datetime,
    expires_at: datetime,
    subject_id: UUID | None = None,
) -> None:
    """Store a new link, to what `subject_id` names, if that depends on the mail."""
    await unit.connection.execute(
        _ADD,
        {
            "user_id": user_id,
            "link_id": link_id,
            "purpose": purpose.value,
            "subject_id": subject_id,
            "token_hash": token_hash,
            "now": now,
            "expires_at": expires_at,
        },
    )


async def use(unit: Unit, token: NamedSecret, now: datetime) -> UUID | None:
    """Use this one link of a locked user, which `is_good`; returns what it leads to."""
    parameters = {"user_id": token.user_id, "link_id": token.row_id}
    subject_id: UUID | None = await unit.connection.scalar(_SUBJECT, parameters)
    await unit.connection.execute(_END_ONE, {**parameters, "now": now})
    return subject_id


async def end(unit: Unit, user_id: UUID, purpose: MailPurpose, now: datetime) -> None:
    """End all links of a user with that purpose."""
    await unit.connection.execute(_END, {"user_id": user_id, "purpose": purpose.value, "now": now})
