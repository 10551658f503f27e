"""Signing secrets of webhooks: encrypted, because deliveries are signed with them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from domain import encryption, ids, webhooks
from domain.encryption import Encrypted, Keyring
from persistence.engine import unit_of_work
from persistence.engine.database import Database
from persistence.engine.unit_of_work import Unit

_INSERT = text(
    "INSERT INTO webhook_secrets (user_id, id, webhook_id, key_id, encrypted, hint) "
    "VALUES (:user_id, :id, :webhook_id, :key_id, :encrypted, :hint)"
)
_REPLACE = text(
    "UPDATE webhook_secrets SET expires_at = :expires_at "
    "WHERE user_id = :user_id AND webhook_id = :webhook_id "
    "AND (expires_at IS NULL OR expires_at > :expires_at)"
)
_COUNT_ACTIVE = text(
    "SELECT count(*) FROM webhook_secrets WHERE user_id = :user_id AND webhook_id = :webhook_id "
    "AND (expires_at IS NULL OR expires_at > :now)"
)
_ACTIVE = text(
    "SELECT user_id, id, webhook_id, key_id, encrypted FROM webhook_secrets "
    "WHERE user_id = :user_id AND webhook_id = :webhook_id "
    "AND (expires_at IS NULL OR expires_at > clock_timestamp()) ORDER BY id DESC"
)
_DELETE = text(
    "DELETE FROM webhook_secrets WHERE user_id = :user_id AND webhook_id = ANY(:webhook_ids)"
)
_WITH_OTHER_KEYS = text(
    "SELECT user_id, id, webhook_id, key_id, encrypted FROM webhook_secrets "
    "WHERE (key_id < :key_id OR key_id > :key_id) AND (user_id, id) > (:user_id, :id) "
    "ORDER BY user_id, id LIMIT :limit"
)
_ENCRYPT_AGAIN = text(
    "UPDATE webhook_secrets SET key_id = :key_id, encrypted = :encrypted "
    "WHERE user_id = :user_id AND id = :id AND key_id = :former_key_id"
)
_COUNT_BY_KEY = text("SELECT key_id, count(*) AS secrets FROM webhook_secrets GROUP BY key_id")
_FIRST = UUID(int=0)


def keyring(jwt_secrets: Sequence[str]) -> Keyring:
    """The keys of signing secrets, derived from JWT_SECRET."""
    return Keyring(jwt_secrets, "webhook signing secret")


def _place(user_id: UUID, webhook_id: UUID, secret_id: UUID) -> bytes:
    return user_id.bytes + webhook_id.bytes + secret_id.bytes


async def add(unit: Unit, keys: Keyring, user_id: UUID, webhook_id: UUID, secret: str) -> None:
    """Store a secret, which signs from now on."""
    secret_id = ids.new_id()
    stored = keys.encrypt(secret, _place(user_id, webhook_id, secret_id))
    await unit.connection.execute(
        _INSERT,
        {
            "user_id": user_id,
            "id": secret_id,
            "webhook_id": webhook_id,
            "key_id": stored.key_id,
            "encrypted": stored.content,
            "hint": webhooks.hint(secret),
        },
    )


async def replace(unit: Unit, user_id: UUID, webhook_id: UUID, expires_at: datetime) -> None:
    """Let all secrets of the webhook expire at that time, unless they do so earlier."""
    await unit.connection.execute(
        _REPLACE, {"user_id": user_id, "webhook_id": webhook_id, "expires_at": expires_at}
    )


async def count_active(unit: Unit, user_id: UUID, webhook_id: UUID, now: datetime) -> int:
    """How many secrets of the webhook sign."""
    parameters = {"user_id": user_id, "webhook_id": webhook_id, "now": now}
    count: int = await unit.connection.scalar(_COUNT_ACTIVE, parameters)
    return count


async def delete(unit: Unit, user_id: UUID, webhook_ids: Collection[UUID]) -> None:
    """Delete the secrets of webhooks that are deleted."""
    parameters = {"user_id": user_id, "webhook_ids": list(webhook_ids)}
    await unit.connection.execute(_DELETE, parameters)


async def read(db: Database, keys: Keyring, user_id: UUID, webhook_id: UUID) -> list[str]:
    """The secrets that sign, newest first; those that cannot be decrypted are left out."""
    parameters = {"user_id": user_id, "webhook_id": webhook_id}
    found = await db.read(lambda connection: connection.execute(_ACTIVE, parameters))
    secrets = []
    for row in found:
        try:
            place = _place(row.user_id, row.webhook_id, row.id)
            secrets.append(keys.decrypt(Encrypted(row.key_id, row.encrypted), place))
        except encryption.Unreadable:
            continue
    return secrets


async def encrypt_again(db: Database, keys: Keyring, batch: int = 500) -> int:
    """Encrypt secrets with the present key that still are with former ones, so that JWT_SECRET can be
    replaced; at most a batch, and says how many. Those of unknown keys stay as they are.
    """

    async def work(unit: Unit) -> int:
        changed, after = 0, (_FIRST, _FIRST)
        while changed < batch:
            found = await unit.connection.execute(
                _WITH_OTHER_KEYS,
                {"key_id": keys.key_id, "user_id": after[0], "id": after[1], "limit": batch},
            )
            rows = found.all()
            for row in rows:
                place = _place(row.user_id, row.webhook_id, row.id)
                try:
                    secret = keys.decrypt(Encrypted(row.key_id, row.encrypted), place)
                except encryption.Unreadable:
                    continue
                stored = keys.encrypt(secret, place)
                await unit.connection.execute(
                    _ENCRYPT_AGAIN,
                    {
                        "user_id": row.user_id,
                        "id": row.id,
                        "key_id": stored.key_id,
                        "encrypted": stored.content,
                        "former_key_id": row.key_id,
                    },
                )
                changed += 1
            if len(rows) < batch:
                break
            after = rows[-1].user_id, rows[-1].id
        return changed

    return await unit_of_work.run(db, work)


async def count_by_key(db: Database) -> dict[bytes, int]:
    """How many secrets are encrypted with each key, by its id."""
    rows = await db.read(lambda connection: connection.execute(_COUNT_BY_KEY))
    return {bytes(row.key_id): row.secrets for row in rows}
