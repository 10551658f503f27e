"""Limits on how often: counted in Redis for all processes, and in this process while Redis is away."""

from __future__ import annotations

import asyncio
import functools
import math
import time

import structlog
from limits import RateLimitItem, parse
from limits.aio import storage, strategies

from adapters import redis_connection
from domain import errors

log = structlog.get_logger()

#: How long a request waits for Redis at most, and how long Redis is then left alone.
_TIMEOUT_SECONDS = 0.5
_PAUSE_SECONDS = 3.0


class RateLimiter:
    """Moving windows per operation and key.

    While Redis is away each process counts for itself: still limited, if more loosely. A Redis that
    does not answer costs those who are asking it one short timeout, and then nobody for a while.
    """

    def __init__(self, redis_url: str, factor: float) -> None:
        self._factor = factor
        self._redis = redis_connection.connect(
            redis_url, timeout_seconds=_TIMEOUT_SECONDS, connections=32
        )
        self._shared = strategies.MovingWindowRateLimiter(
            storage.RedisStorage(
                "redis://",
                implementation="redispy",
                key_prefix="rate",
                connection_pool=self._redis.connection_pool,  # type: ignore[arg-type]
            )
        )
        self._local = strategies.MovingWindowRateLimiter(storage.MemoryStorage())
        self._leave_redis_alone_until = 0.0

    @classmethod
    async def open(cls, redis_url: str, factor: float) -> RateLimiter:
        """Does not connect yet: Redis may be away. `factor` scales every limit; 0 is no limit."""
        return cls(redis_url, factor)

    async def close(self) -> None:
        await self._redis.aclose()
        await self._redis.connection_pool.aclose()

    async def hit(self, operation: str, limit: str, *keys: str) -> None:
        """Count one use of the operation for each key. Raises RateLimited past `limit` ("10/minute").

        A key is counted also when another one is refused.
        """
        if self._factor == 0 or not keys:
            return
        item = _scaled(limit, self._factor)
        if time.monotonic() >= self._leave_redis_alone_until:
            try:
                async with asyncio.timeout(_TIMEOUT_SECONDS):
                    await self._hit(self._shared, item, operation, keys)
            except redis_connection.AWAY as error:
                self._leave_redis_alone_until = time.monotonic() + _PAUSE_SECONDS
                log.warning(
                    "rate limits are counted in this process: Redis is away", error=repr(error)
                )
            else:
                return
        await self._hit(self._local, item, operation, keys)

    @staticmethod
    async def _hit(
        limiter: strategies.MovingWindowRateLimiter,
        item: RateLimitItem,
        operation: str,
        keys: tuple[str, ...],
    ) -> None:
        refused = [key for key in keys if not await limiter.hit(item, operation, key)]
        if refused:
            windows = [await limiter.get_window_stats(item, operation, key) for key in refused]
            free_at = max(window.reset_time for window in windows)
            raise errors.RateLimited(max(1, math.ceil(free_at - time.time())))


@functools.lru_cache(maxsize=256)
def _scaled(limit: str, factor: float) -> RateLimitItem:
    item = parse(limit)
    amount = max(1, round(item.amount * factor))
    return type(item)(amount, item.multiples, item.namespace)
