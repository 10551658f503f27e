"""Limits on how often: counted in Redis for all processes, and in this process while Redis is away."""

from __future__ import annotations

import asyncio
import functools
import math
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import structlog
from limits import RateLimitItem, parse
from limits.aio import storage, strategies

from adapters import redis_connection

log = structlog.get_logger()

#: How long a request waits for Redis at most, and how long Redis is then left alone.
_TIMEOUT_SECONDS = 0.5
_PAUSE_SECONDS = 3.0

# Many uses in one call. For each key: the number of the use, how often, and within how many seconds; a
# list has the times of the latest, and is full where the last of them that is allowed is there.
_COUNT = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local waits = {}
for place, key in ipairs(KEYS) do
    local use, amount, seconds = unpack(ARGV, 3 * place - 2, 3 * place)
    use = tonumber(use)
    waits[use] = waits[use] or 0
    if waits[use] == 0 then
        local oldest = redis.call('LINDEX', key, amount - 1)
        local wait = oldest and oldest + seconds - now or 0
        if wait > 0 then
            waits[use] = math.ceil(wait)
        else
            redis.call('LPUSH', key, string.format('%.6f', now))
            redis.call('LTRIM', key, 0, amount - 1)
            redis.call('EXPIRE', key, seconds)
        end
    end
end
return waits
"""


@dataclass(frozen=True, slots=True)
class Limit:
    """No more than `rate` ("10/minute") under `key`."""

    rate: str
    key: str


@dataclass(frozen=True, slots=True, eq=False)
class Use:
    """Something that is done once, and counts against each of the limits, in order."""

    limits: tuple[Limit, ...]


class RateLimiter:
    """Moving windows by key.

    While Redis is away each process counts for itself: still limited, if more loosely. A Redis that
    does not answer costs those who are asking it one short timeout, and then nobody for a while.
    """

    def __init__(self, redis_url: str, factor: float) -> None:
        self._factor = factor
        self._redis = redis_connection.connect(
            redis_url, timeout_seconds=_TIMEOUT_SECONDS, connections=32
        )
        self._count = self._redis.register_script(_COUNT)
        self._local = strategies.MovingWindowRateLimiter(storage.MemoryStorage())
        self._leave_redis_alone_until = 0.0

    @classmethod
    async def open(cls, redis_url: str, factor: float) -> RateLimiter:
        """Does not connect yet: Redis may be away. `factor` scales every limit; 0 is no limit."""
        return cls(redis_url, factor)

    async def close(self) -> None:
        await self._redis.aclose()
        await self._redis.connection_pool.aclose()

    @property
    def is_off(self) -> bool:
        """Whether there is no limit at all."""
        return self._factor == 0

    async def count(self, uses: Collection[Use]) -> Mapping[Use, int]:
        """Count those uses; the whole seconds after which each may be tried again, 0 where it may be now.

        The first limit that is reached refuses the use: those after it do not count it.
        """
        if self.is_off:
            return dict.fromkeys(uses, 0)
        if time.monotonic() >= self._leave_redis_alone_until:
            try:
                async with asyncio.timeout(_TIMEOUT_SECONDS):
                    return await self._count_for_all(list(uses))
            except redis_connection.AWAY as error:
                self._leave_redis_alone_until = time.monotonic() + _PAUSE_SECONDS
                log.warning(
                    "rate limits are counted in this process: Redis is away", error=repr(error)
                )
        return {use: await self._count_here(use) for use in uses}

    async def _count_for_all(self, uses: list[Use]) -> Mapping[Use, int]:
        keys: list[str] = []
        arguments: list[int] = []
        for number, use in enumerate(uses, start=1):
            for limit in use.limits:
                item = _scaled(limit.rate, self._factor)
                keys.append(f"rate:{limit.key}")
                arguments += (number, item.amount, item.get_expiry())
        return dict(zip(uses, await self._count(keys, arguments), strict=True))

    async def _count_here(self, use: Use) -> int:
        for limit in use.limits:
            item = _scaled(limit.rate, self._factor)
            if not await self._local.hit(item, limit.key):
                window = await self._local.get_window_stats(item, limit.key)
                return max(1, math.ceil(window.reset_time - time.time()))
        return 0


@functools.lru_cache(maxsize=256)
def _scaled(rate: str, factor: float) -> RateLimitItem:
    item = parse(rate)
    amount = max(1, round(item.amount * factor))
    return type(item)(amount, item.multiples, item.namespace)
