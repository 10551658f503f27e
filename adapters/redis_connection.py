"""Connections to Redis, with short timeouts and without retries, so that its absence costs little."""

from __future__ import annotations

import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.retry import Retry

#: The exceptions that callers get if Redis is unavailable.
AWAY = (redis.RedisError, OSError, TimeoutError)


def connect(
    url: str, *, timeout_seconds: float = 1.0, connections: int = 16
) -> redis.asyncio.Redis:
    """An asynchronous client with a bounded pool; it connects on first use."""
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
    url: str, *, timeout_seconds: float = 1.0, connect_seconds: float | None = None
) -> redis.Redis:
    """A synchronous client, for RQ. Connecting may take as long as an answer, if nothing else is given."""
    return redis.Redis.from_url(
        url,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds if connect_seconds is None else connect_seconds,
        retry=Retry(NoBackoff(), 0),
    )


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
