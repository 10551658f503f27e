"""Rate limits, counted in Redis for all processes, or in this process while Redis is unavailable."""

from __future__ import annotations

import asyncio
import functools
import math
import time
from collections import OrderedDict, deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import structlog

from adapters import redis_connection

log = structlog.get_logger()

#: How long a request waits for Redis at most, and for how long Redis is not asked after that.
_TIMEOUT_SECONDS = 0.5
_PAUSE_SECONDS = 3.0
#: The most keys counted in this process; the least recently used ones are dropped.
_MAXIMUM_KEYS = 100_000
_UNIT_SECONDS = {"second": 1, "minute": 60, "hour": 3600}

# `MemoryStore.count` for Redis. For each key: the index of the use, the amount, and the seconds. Values
# that a store did not write, such as a time in the future, are deleted, so that they lock nobody out.
_COUNT = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local waits = {}
for place, key in ipairs(KEYS) do
    local use, amount, seconds = unpack(ARGV, 3 * place - 2, 3 * place)
    use = tonumber(use)
    waits[use] = waits[use] or 0
    if waits[use] == 0 then
        local found = redis.pcall('LINDEX', key, amount - 1)
        local oldest = type(found) == 'string' and tonumber(found)
        local wait = oldest and oldest + seconds - now or 0
        if found and not oldest or wait > seconds + 1 then
            redis.call('DEL', key)
            wait = 0
        end
        -- A time in the future is foreign, or the clock was set back: it must not refuse for ever.
        if wait > 0 and wait <= tonumber(seconds) then
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
    """A single use, which counts against each of the limits, in order."""

    limits: tuple[Limit, ...]


class Window(NamedTuple):
    """No more than `amount` uses under `key` in any `seconds`."""

    key: str
    amount: int
    seconds: int


class Store(Protocol):
    """Counts in a sliding window: a key has the times of its latest `amount` uses.

    A window is full while the oldest of those times is younger than `seconds`.
    """

    async def count(self, uses: Sequence[Sequence[Window]]) -> list[int]:
        """Count the uses one after the other; for each the whole seconds to wait, 0 where it counted.

        The first full window refuses the use: the windows after it do not count it.
        """


class RedisStore:
    """A store that all processes share; several uses are counted in one call."""

    def __init__(self, redis_url: str) -> None:
        self._redis = redis_connection.connect(
            redis_url, timeout_seconds=_TIMEOUT_SECONDS, connections=32
        )
        self._count = self._redis.register_script(_COUNT)

    async def close(self) -> None:
        await self._redis.aclose()
        await self._redis.connection_pool.aclose()

    async def count(self, uses: Sequence[Sequence[Window]]) -> list[int]:
        """As every store. Raises one of `redis_connection.AWAY`."""
        keys: list[str] = []
        arguments: list[int] = []
        for number, windows in enumerate(uses, start=1):
            for window in windows:
                keys.append(f"rate:{window.key}")
                arguments += (number, window.amount, window.seconds)
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            waits: list[int] = await self._count(keys, arguments)
        return waits


class MemoryStore:
    """A store of this process alone."""

    def __init__(self, maximum_keys: int = _MAXIMUM_KEYS) -> None:
        self._maximum_keys = maximum_keys
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._times)

    async def count(self, uses: Sequence[Sequence[Window]]) -> list[int]:
        now = time.monotonic()
        return [self._count_use(windows, now) for windows in uses]

    def _count_use(self, windows: Sequence[Window], now: float) -> int:
        for key, amount, seconds in windows:
            times = self._times.get(key)
            if times is None or times.maxlen != amount:
                times = self._times[key] = deque(times or (), maxlen=amount)
            self._times.move_to_end(key)
            if len(times) == amount and (wait := times[0] + seconds - now) > 0:
                return math.ceil(wait)
            times.append(now)
        while len(self._times) > self._maximum_keys:
            self._times.popitem(last=False)
        return 0


class RateLimiter:
    """Sliding windows by key.

    While Redis is unavailable, each process counts separately: still limited, but less strictly. If Redis
    does not answer, current requests wait for one short timeout, and then it is not asked for a while.
    """

    def __init__(self, redis_url: str, factor: float) -> None:
        self._factor = factor
        self._shared = RedisStore(redis_url)
        self._own = MemoryStore()
        self._leave_redis_alone_until = 0.0

    @classmethod
    async def open(cls, redis_url: str, factor: float) -> RateLimiter:
        """Does not connect yet: Redis may be unavailable. `factor` scales every limit; 0 disables them."""
        return cls(redis_url, factor)

    async def close(self) -> None:
        await self._shared.close()

    @property
    def is_off(self) -> bool:
        """Whether limits are disabled."""
        return self._factor == 0

    def window(self, limit: Limit) -> Window:
        """The limit, scaled by the factor."""
        amount, seconds = scaled(limit.rate, self._factor)
        return Window(limit.key, amount, seconds)

    async def count(self, uses: Collection[Use]) -> Mapping[Use, int]:
        """Count the uses; for each the whole seconds after which it may be tried again, 0 if it counted.

        The first limit that is reached refuses the use, and the limits after it do not count it.
        """
        if self.is_off:
            return dict.fromkeys(uses, 0)
        windows = [[self.window(limit) for limit in use.limits] for use in uses]
        return dict(zip(uses, await self._count(windows), strict=True))

    async def _count(self, uses: Sequence[Sequence[Window]]) -> list[int]:
        if time.monotonic() >= self._leave_redis_alone_until:
            try:
                return await self._shared.count(uses)
            except redis_connection.AWAY as error:
                self._leave_redis_alone_until = time.monotonic() + _PAUSE_SECONDS
                log.warning(
                    "rate limits are counted in this process: Redis is unavailable",
                    error=repr(error),
                )
        return await self._own.count(uses)


@functools.lru_cache(maxsize=256)
def scaled(rate: str, factor: float) -> tuple[int, int]:
    """How many uses within how many seconds: "10/minute" times 2 is (20, 60). At least one use."""
    amount, _, unit = rate.partition("/")
    return max(1, round(int(amount) * factor)), _UNIT_SECONDS[unit]
