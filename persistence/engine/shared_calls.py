"""Calls of many callers made together: what is asked for while a call is under way shares the next."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from domain import errors

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

#: More keys than this begin another call.
_KEYS = 200
_AT_ONCE = 2


@dataclass(slots=True, eq=False)
class _Asked(Generic[Key, Value]):
    found: asyncio.Future[Mapping[Key, Value]]
    keys: set[Key] = field(default_factory=set)


class SharedCalls(Generic[Key, Value]):
    """Finds values by their keys. What a caller is given was asked for after the caller came.

    There is no timer: who comes alone is served at once.
    """

    def __init__(
        self,
        call: Callable[[Collection[Key]], Awaitable[Mapping[Key, Value]]],
        at_once: int = _AT_ONCE,
    ) -> None:
        """`call` finds the values of any number of keys, and leaves out those it does not know."""
        self._call = call
        self._at_once = at_once
        self._waiting: deque[_Asked[Key, Value]] = deque()
        self._under_way: set[asyncio.Task[None]] = set()
        self._is_scheduled = False

    async def get(self, keys: Collection[Key]) -> dict[Key, Value]:
        """The values of those keys; unknown ones are left out. Raises what `call` raises."""
        if not keys:
            return {}
        asked = self._join(keys)
        try:
            # Shielded: that one caller goes away is nothing to the others.
            found = await asyncio.shield(asked.found)
        except errors.Unavailable as error:
            # Each its own: an exception that several raise gathers the traces of all of them.
            raise errors.Unavailable(error.message) from error.__cause__
        return {key: found[key] for key in keys if key in found}

    def _join(self, keys: Collection[Key]) -> _Asked[Key, Value]:
        loop = asyncio.get_running_loop()
        if not self._waiting or len(self._waiting[-1].keys) >= _KEYS:
            asked: _Asked[Key, Value] = _Asked(loop.create_future())
            asked.found.add_done_callback(_look_at)
            self._waiting.append(asked)
        self._waiting[-1].keys.update(keys)
        if not self._is_scheduled and len(self._under_way) < self._at_once:
            # Whoever asks in the same turn of the loop comes along.
            self._is_scheduled = True
            loop.call_soon(self._begin)
        return self._waiting[-1]

    def _begin(self) -> None:
        self._is_scheduled = False
        while self._waiting and len(self._under_way) < self._at_once:
            task = asyncio.create_task(self._answer(self._waiting.popleft()))
            self._under_way.add(task)
            task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._begin()

    async def _answer(self, asked: _Asked[Key, Value]) -> None:
        try:
            found = await self._call(asked.keys)
        except asyncio.CancelledError:
            asked.found.cancel()
            raise
        except Exception as error:
            asked.found.set_exception(error)
        else:
            asked.found.set_result(found)


def _look_at(found: asyncio.Future[Mapping[Key, Value]]) -> None:
    """Where everybody went away, nobody else looks at what went wrong."""
    if not found.cancelled():
        found.exception()
