"""Long-lived streams and sockets, and their graceful shutdown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class LongLived:
    """The streams and sockets of this process; `stop` asks all of them to end."""

    def __init__(self) -> None:
        self._stopping = False
        self._asking: dict[object, Callable[[], None]] = {}
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._asking)

    @contextmanager
    def lives(self, ask_to_end: Callable[[], None]) -> Iterator[None]:
        """Register the stream or socket for the duration of the block; it is asked to end on shutdown."""
        key = object()
        self._asking[key] = ask_to_end
        self._empty.clear()
        if self._stopping:
            ask_to_end()
        try:
            yield
        finally:
            del self._asking[key]
            if not self._asking:
                self._empty.set()

    async def stop(self, timeout_seconds: float) -> None:
        """Ask all to finish their operations and end; wait at most that long."""
        self._stopping = True
        for ask_to_end in list(self._asking.values()):
            ask_to_end()
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._empty.wait()
        except TimeoutError:
            return
