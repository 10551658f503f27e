"""A limit on a user's concurrent work: some of it waits its turn, and the rest is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from adapters import rate_limiter
from domain import errors

_RETRY_SECONDS = 1


@dataclass(slots=True)
class _Line:
    places: asyncio.Semaphore
    length: int = field(default=0)


class Turns:
    """At most `at_once` bodies of `turn` run per key, and at most `waiting` others wait."""

    def __init__(self, at_once: int, waiting: int, name: str = "turns") -> None:
        """`name` is what refused callers are told."""
        self._name = name
        self._at_once = at_once
        self._maximum = at_once + waiting
        self._entries: dict[Hashable, _Line] = {}

    def __len__(self) -> int:
        return len(self._entries)

    @asynccontextmanager
    async def turn(self, key: Hashable) -> AsyncIterator[None]:
        """Run the body in its turn. Raises RateLimited where too many are waiting already."""
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = _Line(asyncio.Semaphore(self._at_once))
        if entry.length >= self._maximum:
            limit = rate_limiter.all_taken(self._name, self._maximum, _RETRY_SECONDS)
            raise errors.RateLimited(_RETRY_SECONDS, limit)
        entry.length += 1
        try:
            async with entry.places:
                yield
        finally:
            entry.length -= 1
            if not entry.length:
                del self._entries[key]
