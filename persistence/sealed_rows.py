"""Lines of the books as bytes, straight from PostgreSQL: what the seals are over, and the seals."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from domain import seals
from persistence import lines

_FIELDS = lines.COLUMNS.removesuffix(", seal")
#: For `COPY (…) TO STDOUT (FORMAT binary)`: what it sends of these is the content of `domain.seals`.
COLUMNS = f"seal, {_FIELDS}"

# https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format": the file's header comes with the
# first row or by itself; a row is the number of its fields, then each with its length.
_SIGNATURE = b"PGCOPY\n\xff\r\n\x00"
_HEADER_BYTES = len(_SIGNATURE) + 8
_TRAILER = b"\xff\xff"
_FIELD_COUNT = 2
_LENGTH = 4


class SealedRow(NamedTuple):
    """A line of a book: whose, its number, all that it says, and its seal."""

    user_id: bytes
    sequence: int
    content: bytes
    seal: bytes

    @property
    def key(self) -> str:
        return f"{UUID(bytes=self.user_id)}/{self.sequence}"


def read(data: bytes) -> SealedRow | None:
    """The row in one message of such a COPY; None where there is none in it."""
    if data.startswith(_SIGNATURE):
        data = data[_HEADER_BYTES:]
    if not data or data == _TRAILER:
        return None
    # Whatever its constraints say: a damaged table may have none, or one of another length.
    length = int.from_bytes(data[_FIELD_COUNT : _FIELD_COUNT + _LENGTH], "big", signed=True)
    start = _FIELD_COUNT + _LENGTH
    end = start + max(length, 0)
    content = data[end:]
    return SealedRow(
        content[4:20], int.from_bytes(content[24:32], "big", signed=True), content, data[start:end]
    )


def is_sealed(row: SealedRow, key: bytes, before: bytes) -> bool:
    """Whether the row has the seal that this key makes of it after that one."""
    return seals.seal_content(key, row.content, before) == row.seal
