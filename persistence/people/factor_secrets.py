"""Secrets of authenticator apps: encrypted, because codes are computed from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from domain import encryption
from domain.encryption import Encrypted, Keyring
from persistence.engine import unit_of_work
from persistence.engine.database import Database
from persistence.engine.unit_of_work import Unit

_WITH_OTHER_KEYS = text(
    "SELECT user_id, id, key_id, encrypted FROM totp_factors "
    "WHERE (key_id < :key_id OR key_id > :key_id) AND user_id > :user_id ORDER BY user_id LIMIT :limit"
)
_ENCRYPT_AGAIN = text(
    "UPDATE totp_factors SET key_id = :key_id, encrypted = :encrypted "
    "WHERE user_id = :user_id AND id = :id AND key_id = :former_key_id"
)
_COUNT_BY_KEY = text("SELECT key_id, count(*) AS secrets FROM totp_factors GROUP BY key_id")
_FIRST = UUID(int=0)


def keyring(jwt_secrets: Sequence[str]) -> Keyring:
    """The keys of authenticator secrets, derived from JWT_SECRET."""
    return Keyring(jwt_secrets, "authenticator secret")


def encrypt(keys: Keyring, user_id: UUID, row_id: UUID, secret: str) -> Encrypted:
    """An authenticator's secret for storage in that row."""
    return keys.encrypt(secret, user_id.bytes + row_id.bytes)


def decrypt(keys: Keyring, row: Row[Any]) -> str | None:
    """The secret in a row; None if it cannot be read, such as after JWT_SECRET was lost."""
    try:
        return keys.decrypt(
            Encrypted(bytes(row.key_id), bytes(row.encrypted)), row.user_id.bytes + row.id.bytes
        )
    except encryption.Unreadable:
        return None


async def encrypt_again(db: Database, keys: Keyring, batch: int = 500) -> int:
    """Encrypt secrets with the present key that still are with former ones; at most a batch, and says how
    many. Those of unknown keys stay as they are.
    """

    async def work(unit: Unit) -> int:
        changed, after = 0, _FIRST
        while changed < batch:
            parameters = {"key_id": keys.key_id, "user_id": after, "limit": batch}
            rows = (await unit.connection.execute(_WITH_OTHER_KEYS, parameters)).all()
            for row in rows:
                secret = decrypt(keys, row)
                if secret is None:
                    continue
                stored = encrypt(keys, row.user_id, row.id, secret)
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
            after = rows[-1].user_id
        return changed

    return await unit_of_work.run(db, work)


async def count_by_key(db: Database) -> dict[bytes, int]:
    """How many secrets are encrypted with each key, by its id."""
    rows = await db.read(lambda connection: connection.execute(_COUNT_BY_KEY))
    return {bytes(row.key_id): row.secrets for row in rows}
