"""A transport that writes together what is written in one turn of the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

#: What has gathered is written at once from here on: an answer of many pieces is not held back.
_MOST_BYTES = 64 * 1024


class Gathering:
    """A transport that writes together what is written in one turn of the loop."""

    __slots__ = ("_closing", "_pieces", "_size", "bare")

    def __init__(self, bare: asyncio.Transport, closing: Callable[[], None]) -> None:
        self.bare = bare
        self._closing = closing
        self._pieces: list[bytes] = []
        self._size = 0

    def write(self, piece: bytes) -> None:
        """Write it soon: after this turn of the loop at the latest."""
        if not self._pieces:
            asyncio.get_running_loop().call_soon(self.flush)
        self._pieces.append(piece)
        self._size += len(piece)
        if self._size >= _MOST_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write now what has gathered."""
        if not self._pieces:
            return
        together = b"".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        # Nothing more is taken of a connection that the client has closed.
        if not self.bare.is_closing():
            self.bare.write(together)

    def close(self) -> None:
        """Write what has gathered, then close."""
        self.flush()
        if not self.bare.is_closing():
            self.bare.close()
            self._closing()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.bare, name)
