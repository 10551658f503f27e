"""Work that mostly waits for others: many pieces of it at once, beside the jobs of a worker.

A worker runs one job at a time. A job of this kind only starts its work here and ends, so that work that
takes long keeps no other job waiting.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any, Generic, TypeVar

import structlog

from domain import errors
from persistence.engine import condition

log = structlog.get_logger()

#: Work under way. What is beyond it is left to other workers, or to the next try.
MAXIMUM = 500
#: How long work may go on after the worker was told to stop, before it is cancelled.
_STOP_SECONDS = 10.0

Services = TypeVar("Services")


class Background(Generic[Services]):
    """An event loop in a thread of its own, which begins with the first piece of work.

    `open_services` opens what the work uses; `maximum` limits how much is under way.
    """

    def __init__(
        self,
        open_services: Callable[[], AbstractAsyncContextManager[Services]],
        maximum: int = MAXIMUM,
    ) -> None:
        self._open_services = open_services
        self._maximum = maximum
        self._count = 0
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped: asyncio.Event | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._services: Services

    def start(self, work: Callable[[Services], Coroutine[Any, Any, None]]) -> bool:
        """Start a piece of work and return at once; False where too much is under way."""
        with self._lock:
            if self._count >= self._maximum:
                return False
            self._count += 1
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="background", daemon=True)
            self._thread.start()
        self._ready.wait()
        if self._loop is None:
            raise RuntimeError("the services of the background could not be opened")
        asyncio.run_coroutine_threadsafe(self._work(work), self._loop)
        return True

    def stop(self) -> None:
        """Let the work end, cancel what takes too long, and close the services."""
        if self._thread is None:
            return
        if self._loop is not None and self._stopped is not None:
            self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._live())
        finally:
            self._ready.set()

    async def _live(self) -> None:
        self._stopped = asyncio.Event()
        async with self._open_services() as services:
            self._services = services
            self._loop = asyncio.get_running_loop()
            self._ready.set()
            await self._stopped.wait()
            if self._tasks:
                _, late = await asyncio.wait(self._tasks, timeout=_STOP_SECONDS)
                for task in late:
                    task.cancel()
                await asyncio.gather(*late, return_exceptions=True)

    async def _work(self, work: Callable[[Services], Coroutine[Any, Any, None]]) -> None:
        assert self._stopped is not None
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            if not self._stopped.is_set():
                await work(self._services)
        except errors.Unavailable as error:
            log.warning(
                "a job was given up: the database is unavailable",
                reason=condition.explain(error.__cause__),
            )
        except asyncio.CancelledError:
            log.info("a job was cancelled: the worker stops")
        except Exception:
            # The relay queues it again, because what it was to do is not done.
            log.exception("a job failed")
        finally:
            self._tasks.discard(task)
            with self._lock:
                self._count -= 1
