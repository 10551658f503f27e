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
    "INSERT INTO links (user_id, id, purpose, token_hash, created_at, expires_at) "
    "VALUES (:user_id, :link_id, :purpose, :token_hash, :now, :expires_at)"
)
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
) -> None:
    """Store a new link."""
    await unit.connection.execute(
        _ADD,
        {
            "user_id": user_id,
            "link_id": link_id,
            "purpose": purpose.value,
            "token_hash": token_hash,
            "now": now,
            "expires_at": expires_at,
        },
    )


async def end(unit: Unit, user_id: UUID, purpose: MailPurpose, now: datetime) -> None:
    """End all links of a user with that purpose."""
    await unit.connection.execute(_END, {"user_id": user_id, "purpose": purpose.value, "now": now})
