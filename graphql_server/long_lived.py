"""Long-lived streams and sockets, and their graceful shutdown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class LongLived:
    """The streams and sockets of this process; `stop` asks all of them to end."""

    def __init__(self) -> None:
        self._stopping = False
        self._lives: set[Life] = set()
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._lives)

    def lives(self, ask_to_end: Callable[[], None]) -> Life:
        """Register the stream or socket for the duration of the block; it is asked to end on shutdown."""
        return Life(self, ask_to_end)

    def add(self, life: Life) -> None:
        self._lives.add(life)
        self._empty.clear()
        if self._stopping:
            life.ask_to_end()

    def remove(self, life: Life) -> None:
        self._lives.discard(life)
        if not self._lives:
            self._empty.set()

    async def stop(self, timeout_seconds: float) -> None:
        """Ask all to finish their operations and end; wait at most that long."""
        self._stopping = True
        for life in list(self._lives):
            life.ask_to_end()
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._empty.wait()
        except TimeoutError:
            return


class Life:
    """The registration of one stream or socket, as a context manager: smaller than a generator."""

    __slots__ = ("_all", "ask_to_end")

    def __init__(self, registered: LongLived, ask_to_end: Callable[[], None]) -> None:
        self._all = registered
        self.ask_to_end = ask_to_end

    def __enter__(self) -> None:
        self._all.add(self)

    def __exit__(self, *_: object) -> None:
        self._all.remove(self)
