"""Verification of the seals: each account ledger from its first entry to its newest."""

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
_ENTRIES_BETWEEN_REPORTS = 20_000

_LEDGERS = f"""
COPY (SELECT {sealed_rows.COLUMNS} FROM transactions ORDER BY user_id, sequence)
TO STDOUT (FORMAT binary)
"""  # noqa: S608
_LEDGER = f"""
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


class LedgerVerification:
    """An account ledger, verified entry by entry; `fault` is the first fault found."""

    def __init__(self, user_id: bytes, key: bytes) -> None:
        self.user_id = user_id
        self._key = key
        self.sequence = 0
        #: The stored seal of the newest entry so far.
        self.head = EMPTY_LEDGER_SEAL
        #: The key of the damaged row, and what is wrong with it.
        self.fault: tuple[str, str] | None = None

    def follow(self, row: SealedRow) -> None:
        """Continue with the next entry."""
        if self.fault is None:
            expected = self.sequence + 1
            if row.sequence < expected:
                self.fault = row.key, _OUT_OF_PLACE
            elif row.sequence > expected:
                missing = f"{UUID(bytes=self.user_id)}/{expected}"
                self.fault = missing, f"This entry is missing: the next one is {row.sequence}."
            elif seals.seal_content(self._key, row.content, self.head) != row.seal:
                self.fault = row.key, _BROKEN
        self.sequence, self.head = row.sequence, row.seal


_OUT_OF_PLACE = "This entry was inserted: its sequence is a duplicate or not valid."
_BROKEN = (
    "Its seal does not match: it is the first entry of its account ledger that was changed, inserted or "
    "moved, or that was sealed with another AUDIT_KEY."
)


async def faults(
    connection: AsyncConnection,
    key: bytes,
    *,
    on_entries: Callable[[int], None] = lambda entries: None,
) -> AsyncIterator[tuple[str, str]]:
    """The first damaged row of each account ledger, as `user_id/sequence`, and what is wrong with it.

    `on_entries` is called with the number of entries verified so far.
    """
    ledger = LedgerVerification(b"", key)
    entries = reported = 0
    async for rows in _stream(connection, _LEDGERS):
        for row in rows:
            if row.user_id != ledger.user_id:
                if ledger.fault is not None:
                    yield ledger.fault
                ledger = LedgerVerification(row.user_id, key)
            ledger.follow(row)
        entries += len(rows)
        if entries - reported >= _ENTRIES_BETWEEN_REPORTS:
            on_entries(entries)
            reported = entries
    if ledger.fault is not None:
        yield ledger.fault


async def rows_of(connection: AsyncConnection, user_id: UUID) -> AsyncIterator[SealedRow]:
    """The entries of one account ledger, oldest first."""
    async for rows in _stream(connection, _LEDGER, [user_id]):
        for row in rows:
            yield row


async def is_key_of_ledgers(connection: AsyncConnection, key: bytes) -> bool:
    """Whether the newest entry of one account ledger has a seal of that key; True without entries."""
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
