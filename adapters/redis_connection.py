"""Connections to Redis, with short timeouts and without retries, so that its absence costs little."""

from __future__ import annotations

import asyncio
from typing import Any

import hiredis
import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.retry import Retry

#: The exceptions that callers get if Redis is unavailable.
AWAY = (redis.RedisError, OSError, TimeoutError)
_TIMEOUT_SECONDS = 1.0


def connect(
    url: str, *, timeout_seconds: float | None = None, connections: int = 16
) -> redis.asyncio.Redis:
    """An asynchronous client with a bounded pool; it connects on first use."""
    timeout_seconds = timeout_seconds or _TIMEOUT_SECONDS
    pool = redis.asyncio.BlockingConnectionPool.from_url(
        url,
        max_connections=connections,
        timeout=timeout_seconds,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        retry=_no_retry(),
    )
    return redis.asyncio.Redis.from_pool(pool)


def connect_blocking(
    url: str, *, timeout_seconds: float | None = None, connect_seconds: float | None = None
) -> redis.Redis:
    """A synchronous client, for RQ. Connecting may take as long as an answer, if nothing else is given."""
    timeout_seconds = timeout_seconds or _TIMEOUT_SECONDS
    return redis.Redis.from_url(
        url,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds if connect_seconds is None else connect_seconds,
        retry=Retry(NoBackoff(), 0),
    )


class Dedicated:
    """A connection of its own for frequent commands, one at a time.

    A command of the client passes through its pool, its retries and its events, and each of its steps has a
    timeout with a task: several times the processor time of the exchange itself.
    """

    def __init__(self, client: redis.asyncio.Redis) -> None:
        """Connects, as the client does, on first use."""
        pool = client.connection_pool
        self._timeout_seconds: float = pool.connection_kwargs["socket_timeout"]
        arguments = {**pool.connection_kwargs, "socket_timeout": None}
        self._connection = pool.connection_class(**arguments)

    async def ask(self, *command: bytes | str | int) -> Any:
        """The answer to the command, which is repeated if the connection was lost. Raises one of AWAY."""
        # Annotated as a tuple of one.
        packed = hiredis.pack_command(command)  # type: ignore[arg-type]
        was_connected = self._connection.is_connected
        async with asyncio.timeout(self._timeout_seconds):
            try:
                return await self._exchange(packed)
            except redis.ConnectionError:
                if not was_connected:
                    raise
                # Redis closed the idle connection, for example because it was restarted.
                return await self._exchange(packed)

    async def _exchange(self, packed: bytes) -> Any:
        try:
            await self._connection.send_packed_command(packed)
            return await self._connection.read_response()
        except redis.ResponseError:
            raise
        except BaseException:
            # Its response may still come.
            await self.close()
            raise

    async def close(self) -> None:
        await self._connection.disconnect(nowait=True)


async def check_writes(client: redis.asyncio.Redis) -> None:
    """Write a key that expires at once. Raises one of AWAY, which `reason` explains."""
    await client.set("wallet:probe", b"1", px=1_000)


def reason(error: BaseException) -> str:
    """What is wrong with Redis, in a few words without secrets."""
    if isinstance(error, redis.exceptions.ReadOnlyError):
        return "a replica, which takes no writes"
    if isinstance(error, redis.exceptions.OutOfMemoryError):
        return "out of memory: it takes no writes"
    if isinstance(error, redis.exceptions.BusyLoadingError):
        return "still loading its data"
    if isinstance(error, redis.exceptions.AuthenticationError | redis.exceptions.NoPermissionError):
        return "it refuses our user or password"
    if isinstance(error, redis.exceptions.ResponseError):
        return "it takes no writes"
    return "unreachable"


def _no_retry() -> redis.asyncio.retry.Retry:
    return redis.asyncio.retry.Retry(NoBackoff(), 0)
