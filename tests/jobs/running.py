"""A relay within the test, and the environment for one in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from pydantic import SecretStr

from adapters import realtime
from jobs import queue, relay
from jobs.sinks import table
from persistence.engine.database import Database
from settings import Settings


def environment(settings: Settings) -> dict[str, str]:
    """The variables that make another process have these settings."""
    values: dict[str, str] = {}
    for name, value in settings:
        plain = value.get_secret_value() if isinstance(value, SecretStr) else value
        if plain is not None:
            values[name.upper()] = ",".join(plain) if isinstance(plain, tuple) else str(plain)
    return values


@contextlib.asynccontextmanager
async def relaying(settings: Settings, *, poll_seconds: float = 0.05) -> AsyncIterator[None]:
    """A relay that runs beside the body of the `with`."""
    redis_url = settings.redis_url.get_secret_value()
    database = await Database.open(settings.database_url.get_secret_value(), pool_size=4)
    listeners = await realtime.Hints.open(redis_url)
    jobs = queue.JobQueue(redis_url)
    running = relay.Relay(
        database, listeners, jobs, table.configured(settings), poll_seconds=poll_seconds
    )
    stop = asyncio.Event()
    task = asyncio.create_task(running.run(stop))
    try:
        yield
    finally:
        stop.set()
        await task
        jobs.close()
        await listeners.close()
        await database.close()
