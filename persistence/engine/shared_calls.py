"""Look-ups shared by concurrent callers: keys requested during one call are looked up in the next."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from domain import errors

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

#: A call accepts no more callers once it has this number of keys, unless another number is given.
_KEYS = 200
_AT_ONCE = 2


@dataclass(slots=True, eq=False)
class _Asked(Generic[Key, Value]):
    keys: set[Key] = field(default_factory=set)
    #: One for each caller, so that the cancellation of one does not affect the others.
    callers: list[asyncio.Future[Mapping[Key, Value]]] = field(default_factory=list)


class SharedCalls(Generic[Key, Value]):
    """Finds values by their keys. A caller never gets a value that was read before it asked.

    There is no timer: a single caller is served at once.
    """

    def __init__(
        self,
        call: Callable[[Collection[Key]], Awaitable[Mapping[Key, Value]]],
        at_once: int = _AT_ONCE,
        *,
        maximum_keys: int = _KEYS,
    ) -> None:
        """`call` finds the values of any number of keys, and leaves out unknown ones.

        A call accepts no more callers once it has `maximum_keys`.
        """
        self._call = call
        self._at_once = at_once
        self._maximum_keys = maximum_keys
        self._waiting: deque[_Asked[Key, Value]] = deque()
        self._under_way: set[asyncio.Task[None]] = set()
        self._is_scheduled = False
        #: Kept, because on Python 3.11 `get_running_loop` makes a system call.
        self._loop: asyncio.AbstractEventLoop | None = None

    async def get(self, keys: Collection[Key]) -> dict[Key, Value]:
        """The values of those keys; unknown ones are left out. Raises what `call` raises."""
        if not keys:
            return {}
        try:
            found = await self._join(keys)
        except errors.Unavailable as error:
            raise _for_this_caller(error) from error.__cause__
        return {key: found[key] for key in keys if key in found}

    async def one(self, key: Key) -> Value | None:
        """The value of that key; None for an unknown one. Raises what `call` raises."""
        try:
            found = await self._join((key,))
        except errors.Unavailable as error:
            raise _for_this_caller(error) from error.__cause__
        return found.get(key)

    def _join(self, keys: Collection[Key]) -> asyncio.Future[Mapping[Key, Value]]:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        if not self._waiting or len(self._waiting[-1].keys) >= self._maximum_keys:
            self._waiting.append(_Asked())
        asked = self._waiting[-1]
        asked.keys.update(keys)
        caller: asyncio.Future[Mapping[Key, Value]] = self._loop.create_future()
        asked.callers.append(caller)
        if not self._is_scheduled and len(self._under_way) < self._at_once:
            # Callers in the same iteration of the event loop share the call.
            self._is_scheduled = True
            self._loop.call_soon(self._begin)
        return caller

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
            for caller in asked.callers:
                caller.cancel()
            raise
        except Exception as error:
            for caller in asked.callers:
                if not caller.done():
                    caller.set_exception(error)
        else:
            for caller in asked.callers:
                if not caller.done():
                    caller.set_result(found)


def _for_this_caller(error: errors.Unavailable) -> errors.Unavailable:
    """A new exception for each: a shared one would collect the tracebacks of all callers."""
    return errors.Unavailable(error.message)
