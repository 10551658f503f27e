"""Sealed entries as bytes from PostgreSQL: the content that each seal covers, and the seal."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from domain.ledger import seals
from persistence.ledger import entry_rows

#: What entries have not always had: left out of the content where it is None.
_ADDED = "metadata_digest, reverses, fee_refunded"
_FIELDS = entry_rows.COLUMNS.removesuffix(f", {_ADDED}, seal")
#: For `COPY (…) TO STDOUT (FORMAT binary)`: `read` finds the content of `domain.ledger.seals` in them.
COLUMNS = f"seal, {_ADDED}, {_FIELDS}"
#: The same for a table whose entries cannot have metadata yet, nor be reversals.
COLUMNS_BEFORE_METADATA = f"seal, NULL::bytea, NULL::uuid, NULL::bigint, {_FIELDS}"

# https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format": the file's header comes with the
# first row or by itself; a row is the number of its fields, then each with its length.
_SIGNATURE = b"PGCOPY\n\xff\r\n\x00"
_HEADER_BYTES = len(_SIGNATURE) + 8
_TRAILER = b"\xff\xff"
#: The number of fields, then the seal, nothing of `_ADDED`, user and sequence, each after its length.
_START = struct.Struct("!hi32siiii16siq")
_LENGTHS = (32, -1, -1, -1, 16, 8)
_FIELD_COUNT = 2
_LENGTH = 4
_CONTENT = _FIELD_COUNT + _LENGTH + seals.SEAL_BYTES + 3 * _LENGTH

#: The maximum number of rows in memory at once.
ROWS_AT_ONCE = 1_000


class SealedRow(NamedTuple):
    """An entry: its user, its sequence, its content and its seal."""

    user_id: bytes
    sequence: int
    content: bytes
    seal: bytes

    @property
    def key(self) -> str:
        return f"{UUID(bytes=self.user_id)}/{self.sequence}"


def read(data: bytes) -> SealedRow | None:
    """The row in one message of such a COPY; None for a message without a row."""
    data = _without_header(data)
    if not data or data == _TRAILER:
        return None
    if len(data) >= _START.size:
        _, of_seal, seal, *of_added, of_user_id, user_id, of_sequence, sequence = (
            _START.unpack_from(data)
        )
        if (of_seal, *of_added, of_user_id, of_sequence) == _LENGTHS:
            return SealedRow(user_id, sequence, data[_CONTENT:], seal)
    return _read_any(data)


def _without_header(data: bytes) -> bytes:
    return data[_HEADER_BYTES:] if data.startswith(_SIGNATURE) else data


def _read_any(data: bytes) -> SealedRow:
    """A row with what not all entries have, or of a table without its constraints, where any field may be
    NULL or have an unexpected length."""
    seal, rest = _field(data[_FIELD_COUNT:])
    digest, rest = _field(rest)
    reverses, rest = _field(rest)
    fee_refunded, fields = _field(rest)
    user_id, after_user_id = _field(fields)
    sequence, _ = _field(after_user_id)
    return SealedRow(
        (user_id or b"").rjust(16, b"\x00")[-16:],
        int.from_bytes(sequence or b"", "big", signed=True),
        # The seal covers them, where they are, after the other fields.
        fields
        + (b"" if digest is None else _encoded(digest))
        + (
            b""
            if reverses is None and fee_refunded is None
            else _encoded(reverses) + _encoded(fee_refunded)
        ),
        seal or b"",
    )


def _encoded(field: bytes | None) -> bytes:
    return b"\xff" * _LENGTH if field is None else len(field).to_bytes(_LENGTH, "big") + field


def _field(data: bytes) -> tuple[bytes | None, bytes]:
    """The first field, None where it is NULL, and the rest."""
    length = int.from_bytes(data[:_LENGTH], "big", signed=True)
    if length < 0:
        return None, data[_LENGTH:]
    end = _LENGTH + length
    return data[_LENGTH:end], data[end:]


async def stream(
    connection: psycopg.AsyncConnection[Any], query: str, parameters: Sequence[object] = ()
) -> AsyncIterator[list[SealedRow]]:
    """The rows of such a COPY in batches, as they arrive, within the current transaction."""
    async with connection.cursor() as cursor, cursor.copy(query, parameters) as copy:
        while data := await copy.read():
            messages = [bytes(data)]
            _take_what_is_there(connection.pgconn, messages)
            rows = [row for each in messages if (row := read(each)) is not None]
            if rows:
                yield rows


def _take_what_is_there(pgconn: psycopg.pq.abc.PGconn, messages: list[bytes]) -> None:
    # Waiting for each row took longer than verifying it. The trailer is the last message; psycopg reads
    # whatever follows it.
    while len(messages) < ROWS_AT_ONCE and _without_header(messages[-1]) != _TRAILER:
        length, data = pgconn.get_copy_data(1)
        if length == 0:
            return
        if length < 0:
            failed, *_ = iter(pgconn.get_result, None)
            raise psycopg.errors.error_from_result(failed)
        messages.append(bytes(data))


def is_sealed(row: SealedRow, key: bytes, before: bytes) -> bool:
    """Whether the seal of the row is that of this key, following the seal `before`."""
    return seals.seal_content(key, row.content, before) == row.seal
