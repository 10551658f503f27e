"""Proving the seals: each book followed from its first line to its newest, as a stream of bytes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from uuid import UUID

import psycopg
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ledger import seals
from domain.ledger.transfers import EMPTY_LEDGER_SEAL
from persistence.ledger import sealed_rows
from persistence.ledger.sealed_rows import SealedRow

#: How often progress is reported.
_LINES_BETWEEN_WORDS = 20_000

_BOOKS = f"""
COPY (SELECT {sealed_rows.COLUMNS} FROM transactions ORDER BY user_id, sequence)
TO STDOUT (FORMAT binary)
"""  # noqa: S608
_BOOK = f"""
COPY (SELECT {sealed_rows.COLUMNS} FROM transactions WHERE user_id = %s ORDER BY sequence)
TO STDOUT (FORMAT binary)
"""  # noqa: S608

# One ledger is enough to recognize a wrong key.
_NEWEST = f"""
COPY (
    SELECT {sealed_rows.COLUMNS} FROM transactions
    WHERE user_id = (SELECT id FROM users WHERE sequence > 0 LIMIT 1) ORDER BY sequence DESC LIMIT 2
) TO STDOUT (FORMAT binary)
"""  # noqa: S608


class Book:
    """One person's book, followed line by line; `fault` is the first that there is."""

    def __init__(self, user_id: bytes, key: bytes) -> None:
        self.user_id = user_id
        self._key = key
        self.sequence = 0
        #: The seal of the newest line so far, as it is stored.
        self.head = EMPTY_LEDGER_SEAL
        #: The key of the row at fault, and what is wrong with it.
        self.fault: tuple[str, str] | None = None

    def follow(self, row: SealedRow) -> None:
        """The next line of the book."""
        if self.fault is None:
            expected = self.sequence + 1
            if row.sequence < expected:
                self.fault = row.key, _OUT_OF_PLACE
            elif row.sequence > expected:
                missing = f"{UUID(bytes=self.user_id)}/{expected}"
                self.fault = missing, f"This line was taken out: after it comes {row.sequence}."
            elif seals.seal_content(self._key, row.content, self.head) != row.seal:
                self.fault = row.key, _BROKEN
        self.sequence, self.head = row.sequence, row.seal


_OUT_OF_PLACE = "This line was put in: the number is there twice, or is none."
_BROKEN = (
    "Its seal does not prove it: it is the first of its book that was altered, put in or moved, or that "
    "was sealed with another AUDIT_KEY."
)


async def faults(
    connection: AsyncConnection,
    key: bytes,
    *,
    on_entries: Callable[[int], None] = lambda entries: None,
) -> AsyncIterator[tuple[str, str]]:
    """Of each book at fault the first row, as `user_id/sequence`, and what is wrong with it.

    `on_entries` is told how many lines were looked at.
    """
    book = Book(b"", key)
    entries = told = 0
    async for rows in _stream(connection, _BOOKS):
        for row in rows:
            if row.user_id != book.user_id:
                if book.fault is not None:
                    yield book.fault
                book = Book(row.user_id, key)
            book.follow(row)
        entries += len(rows)
        if entries - told >= _LINES_BETWEEN_WORDS:
            on_entries(entries)
            told = entries
    if book.fault is not None:
        yield book.fault


async def rows_of(connection: AsyncConnection, user_id: UUID) -> AsyncIterator[SealedRow]:
    """The lines of one person's book, the oldest first."""
    async for rows in _stream(connection, _BOOK, [user_id]):
        for row in rows:
            yield row


async def is_key_of_books(connection: AsyncConnection, key: bytes) -> bool:
    """Whether the newest line of some book is sealed with that key; so it is where there is no line."""
    newest = [row async for rows in _stream(connection, _NEWEST) for row in rows]
    if not newest:
        return True
    before = newest[1].seal if len(newest) > 1 else EMPTY_LEDGER_SEAL
    return sealed_rows.is_sealed(newest[0], key, before)


async def _stream(
    connection: AsyncConnection, query: str, parameters: Sequence[object] = ()
) -> AsyncIterator[list[SealedRow]]:
    raw = (await connection.get_raw_connection()).driver_connection
    assert isinstance(raw, psycopg.AsyncConnection)
    async for rows in sealed_rows.stream(raw, query, parameters):
        yield rows
