"""Duties of the relay: work that is repeated, with growing pauses while it fails."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog

from adapters import redis_connection
from domain import errors
from persistence.engine import condition

log = structlog.get_logger()

#: What PostgreSQL or Redis being away looks like.
AWAY = (errors.Unavailable, *redis_connection.AWAY)
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 2.0


@dataclass(slots=True)
class Duty:
    """Work that is repeated: at once if there is more, sooner if woken, later while it fails."""

    name: str
    every_seconds: float
    work: Callable[[], Awaitable[bool]]
    woken: asyncio.Event | None = None
    _pause_seconds: float = 0.0

    async def repeat(self, stop: asyncio.Event) -> None:
        stopped: asyncio.Future[Any] = asyncio.ensure_future(stop.wait())
        while not stop.is_set():
            if self.woken is not None:
                self.woken.clear()
            wait_seconds = 0.0 if await self._try() else self._pause_seconds or self.every_seconds
            if wait_seconds:
                await self._wait(stopped, wait_seconds)
        stopped.cancel()

    async def _try(self) -> bool:
        try:
            is_more = await self.work()
        except AWAY as error:
            if not self._pause_seconds:
                reason = (
                    condition.explain(error.__cause__)
                    if isinstance(error, errors.Unavailable)
                    else repr(error)
                )
                log.warning("the relay waits", duty=self.name, reason=reason)
            doubled = max(self._pause_seconds * 2, _FIRST_PAUSE_SECONDS)
            self._pause_seconds = min(doubled, _LONGEST_PAUSE_SECONDS)
            return False
        except Exception:
            # One bad row must not stop the relay.
            log.exception("the relay failed", duty=self.name)
            self._pause_seconds = _LONGEST_PAUSE_SECONDS
            return False
        if self._pause_seconds:
            log.info("the relay continues", duty=self.name)
        self._pause_seconds = 0.0
        return is_more

    async def _wait(self, stopped: asyncio.Future[Any], seconds: float) -> None:
        waited: set[asyncio.Future[Any]] = {stopped}
        # While it fails, being woken does not shorten the pause.
        if self.woken is not None and not self._pause_seconds:
            waited.add(asyncio.ensure_future(self.woken.wait()))
        await asyncio.wait(waited, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for future in waited - {stopped}:
            future.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await future
