"""How this service connects to Redis: short timeouts, no hidden retries, so that its absence is cheap."""

from __future__ import annotations

import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.retry import Retry

#: What going without Redis looks like to a caller.
AWAY = (redis.RedisError, OSError, TimeoutError)


def connect(
    url: str, *, timeout_seconds: float = 1.0, connections: int = 16
) -> redis.asyncio.Redis:
    """An asynchronous client on a bounded pool; it connects when it is first used."""
    pool = redis.asyncio.BlockingConnectionPool.from_url(
        url,
        max_connections=connections,
        timeout=timeout_seconds,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        retry=_no_retry(),
    )
    return redis.asyncio.Redis.from_pool(pool)


def connect_blocking(url: str, *, timeout_seconds: float = 1.0) -> redis.Redis:
    """A synchronous client, for RQ."""
    return redis.Redis.from_url(
        url,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        retry=Retry(NoBackoff(), 0),
    )


def _no_retry() -> redis.asyncio.retry.Retry:
    return redis.asyncio.retry.Retry(NoBackoff(), 0)
