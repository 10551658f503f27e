"""The archive of an export: a ZIP file that is written without holding it in memory."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from domain import text
from domain.exports import data_exports


class _Sink:
    """Collects what is written; it cannot seek, so the ZIP file has no need to be whole."""

    def __init__(self) -> None:
        self.content = bytearray()

    def write(self, data: bytes, /) -> int:
        self.content += data
        return len(data)

    def flush(self) -> None: ...

    def close(self) -> None: ...


class Archive:
    """A ZIP file of UTF-8 texts, one after the other. `take` what was written after each addition."""

    def __init__(self, created_at: datetime) -> None:
        self._sink = _Sink()
        self._zip = zipfile.ZipFile(self._sink, "w", zipfile.ZIP_DEFLATED)
        self._date = created_at.timetuple()[:6]
        self._written = 0

    def file(self, name: str) -> File:
        """A new file in the archive, as a context; the one before it has to be closed."""
        information = zipfile.ZipInfo(name, self._date)
        information.compress_type = zipfile.ZIP_DEFLATED
        return File(self._zip.open(information, "w"))

    def take(self, *, is_last: bool = False) -> list[bytes]:
        """The chunks that are complete, in order; all that is left if it is the last time.

        Raises TooLarge.
        """
        if is_last:
            self._zip.close()
        content, size = self._sink.content, data_exports.CHUNK_BYTES
        chunks: list[bytes] = []
        while len(content) >= size or (is_last and content):
            chunks.append(bytes(content[:size]))
            del content[:size]
        self._written += sum(map(len, chunks))
        if self._written > data_exports.MAXIMUM_BYTES:
            raise data_exports.TooLarge
        return chunks


class File:
    """A file in the archive that is being written."""

    def __init__(self, opened: Any) -> None:
        self._opened = opened
        #: The number of records so far.
        self.records = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self._opened.close()

    def write(self, data: bytes) -> None:
        """Raises TooLarge for more than a ZIP file can have without extensions."""
        try:
            self._opened.write(data)
        except RuntimeError as error:
            raise data_exports.TooLarge from error

    def add(self, record: Mapping[str, Any]) -> None:
        """Add a record as a line of JSON."""
        self.records += 1
        line = json.dumps(record, ensure_ascii=False, separators=(",", ":"), default=_rendered)
        self.write(line.encode() + b"\n")


def _rendered(value: Any) -> str:
    if isinstance(value, datetime):
        return text.rfc3339(value)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    # Dates.
    return str(value.isoformat())
