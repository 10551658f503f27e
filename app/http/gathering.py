"""Writes of one iteration of the event loop, combined for each connection and made together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

#: Buffered data of this size is written at once, so that a large response is not delayed.
_MOST_BYTES = 64 * 1024


class Gathered:
    """The transports that have something to write at the end of this iteration of the event loop.

    Writing wakes clients, which then compete for the processor with the answers to come.
    """

    def __init__(self) -> None:
        self._transports: list[Gathering] = []
        #: Kept, because on Python 3.11 `get_running_loop` makes a system call.
        self._loop: asyncio.AbstractEventLoop | None = None

    def add(self, transport: Gathering) -> None:
        """Flush that transport with the others."""
        if not self._transports:
            if self._loop is None:
                self._loop = asyncio.get_running_loop()
            self._loop.call_soon(self._flush)
        self._transports.append(transport)

    def _flush(self) -> None:
        transports, self._transports = self._transports, []
        for transport in transports:
            transport.flush()


class Gathering:
    """A transport that combines the writes of one iteration of the event loop."""

    __slots__ = ("_closing", "_gathered", "_pieces", "_size", "bare")

    def __init__(
        self, bare: asyncio.Transport, closing: Callable[[], None], gathered: Gathered
    ) -> None:
        self.bare = bare
        self._closing = closing
        self._gathered = gathered
        self._pieces: list[bytes] = []
        self._size = 0

    def write(self, piece: bytes) -> None:
        """Write the data at the end of this iteration of the event loop at the latest."""
        if not self._pieces:
            self._gathered.add(self)
        self._pieces.append(piece)
        self._size += len(piece)
        if self._size >= _MOST_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write the buffered data now."""
        if not self._pieces:
            return
        together = b"".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        # The client has closed the connection: discard the data.
        if not self.bare.is_closing():
            self.bare.write(together)

    def close(self) -> None:
        """Write the buffered data, then close."""
        self.flush()
        if not self.bare.is_closing():
            self.bare.close()
            self._closing()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.bare, name)
