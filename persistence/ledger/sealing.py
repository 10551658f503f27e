"""Resealing of all entries: for the migration that added seals, and to replace the key."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any
from uuid import UUID

import psycopg

from domain.ledger import seals
from domain.ledger.transfers import EMPTY_LEDGER_SEAL
from persistence.ledger import sealed_rows
from persistence.ledger.sealed_rows import SealedRow

Connection = psycopg.Connection[Any]

#: Transactions of the users in a batch wait until the batch is committed.
_USERS_AT_ONCE = 100
_ENTRIES_AT_ONCE = 5_000
_NO_USER = UUID(int=0)

_USERS = "SELECT id FROM users WHERE id > %s AND sequence > 0 ORDER BY id LIMIT %s"
_LOCK = "SELECT id, book_seal FROM lock_accounts(%s)"
_ENTRIES = """
COPY (
    SELECT {columns} FROM transactions
    WHERE user_id = ANY (%s) AND (user_id, sequence) > (%s, %s)
    ORDER BY user_id, sequence LIMIT %s
) TO STDOUT (FORMAT binary)
"""
_SEAL_ENTRIES = """
UPDATE transactions SET seal = made.seal
FROM unnest(%s::uuid[], %s::bigint[], %s::bytea[]) AS made (user_id, sequence, seal)
WHERE transactions.user_id = made.user_id AND transactions.sequence = made.sequence
"""
_SEAL_HEADS = """
UPDATE users SET book_seal = made.seal
FROM unnest(%s::uuid[], %s::bytea[]) AS made (id, seal) WHERE users.id = made.id
"""
#: With this setting, the triggers that guard what is sealed allow changes of seals and nothing else.
RESEALING = "SET LOCAL mini_wallet.resealing = 'on'"


class WrongSeal(Exception):
    """The seal of this entry (`user_id/sequence`) or head (`user_id`) is of none of the keys."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def seal_unsealed(connection: Connection, key: bytes) -> int:
    """Seal every entry in the current transaction; returns the number of entries."""
    columns = sealed_rows.COLUMNS_BEFORE_METADATA
    return sum(
        _seal(connection, user_ids, key, columns=columns) for user_ids in _all_users(connection)
    )


def reseal(
    connection: Connection,
    key: bytes,
    *,
    sealed_with: Collection[bytes],
    on_entries: Callable[[int], None] = lambda entries: None,
) -> int:
    """Reseal every entry with `key`; returns the number of entries.

    Each entry must have a seal of `key` or of one of `sealed_with`: the service may keep running with
    the new key. Users are resealed in batches, each in its own transaction, so that the work can be
    interrupted and repeated. Raises WrongSeal, and leaves that batch unchanged. `on_entries` is called
    with the number of entries done so far.
    """
    entries = 0
    for user_ids in _all_users(connection):
        with connection.transaction():
            entries += _seal(connection, user_ids, key, sealed_with={key, *sealed_with})
        on_entries(entries)
    return entries


def _all_users(connection: Connection) -> Iterator[list[UUID]]:
    after = _NO_USER
    while rows := connection.execute(_USERS, [after, _USERS_AT_ONCE]).fetchall():
        user_ids = [user_id for (user_id,) in rows]
        yield user_ids
        after = user_ids[-1]


def _seal(
    connection: Connection,
    user_ids: Sequence[UUID],
    key: bytes,
    *,
    sealed_with: Collection[bytes] | None = None,
    columns: str = sealed_rows.COLUMNS,
) -> int:
    """Reseal the entries of these users; the present seals are verified if `sealed_with` is given."""
    connection.execute(RESEALING)
    heads = connection.execute(_LOCK, [user_ids]).fetchall()
    #: By user, the old and the new seal of the newest entry so far.
    was = dict.fromkeys((user_id.bytes for user_id, _ in heads), EMPTY_LEDGER_SEAL)
    made = was.copy()
    entries, at = 0, (_NO_USER, 0)
    while rows := _page(connection, user_ids, at, columns):
        changed: list[tuple[UUID, int, bytes]] = []
        for row in rows:
            if sealed_with is not None and not _is_sealed(row, sealed_with, was[row.user_id]):
                raise WrongSeal(row.key)
            seal = seals.seal_content(key, row.content, made[row.user_id])
            if seal != row.seal:
                changed.append((UUID(bytes=row.user_id), row.sequence, seal))
            was[row.user_id], made[row.user_id] = row.seal, seal
        if changed:
            connection.execute(
                _SEAL_ENTRIES, [list(column) for column in zip(*changed, strict=True)]
            )
        entries += len(rows)
        at = (UUID(bytes=rows[-1].user_id), rows[-1].sequence)
    for user_id, head in heads:
        if sealed_with is not None and head != was[user_id.bytes]:
            raise WrongSeal(str(user_id))
    connection.execute(
        _SEAL_HEADS, [[UUID(bytes=user_id) for user_id in made], list(made.values())]
    )
    return entries


def _is_sealed(row: SealedRow, keys: Collection[bytes], before: bytes) -> bool:
    return any(sealed_rows.is_sealed(row, key, before) for key in keys)


def _page(
    connection: Connection, user_ids: Sequence[UUID], after: tuple[UUID, int], columns: str
) -> list[SealedRow]:
    query = _ENTRIES.format(columns=columns)
    with connection.cursor().copy(query, [user_ids, *after, _ENTRIES_AT_ONCE]) as copy:
        return [row for data in copy if (row := sealed_rows.read(bytes(data))) is not None]
