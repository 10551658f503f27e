"""Rate limits, counted in Redis for all processes, or in this process while Redis is unavailable."""

from __future__ import annotations

import functools
import hashlib
import math
import time
from collections import OrderedDict, deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import redis
import structlog

from adapters import redis_connection
from domain.values import value

log = structlog.get_logger()

#: How long a request waits for Redis at most, and for how long Redis is not asked after that.
_TIMEOUT_SECONDS = 0.5
_PAUSE_SECONDS = 3.0
#: The most keys counted in this process; the least recently used ones are dropped.
_MAXIMUM_KEYS = 100_000
_UNIT_SECONDS = {"second": 1, "minute": 60, "hour": 3600}

# `MemoryStore.count` for Redis. For each key: the number of the use, the amount, and the seconds; returned
# for each key: the seconds to wait, the uses left (-1 where it did not count) and the seconds to the next.
# Values that a store did not write, such as a time in the future, are deleted, so that they lock no user out.
_COUNT = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local refused = {}
local counted = {}

local function time_at(key, index)
    local found = redis.pcall('LINDEX', key, index)
    local at = type(found) == 'string' and tonumber(found) or nil
    -- The clock may have been set back, too.
    if found and not (at and at <= now + 1) then
        redis.call('DEL', key)
        return nil
    end
    return at
end

-- The oldest time that is in the window; those before it are removed, in steps that grow if they are many.
local function oldest_within(key, seconds)
    local step, removed = 1, 0
    while true do
        local at = time_at(key, -step)
        if at and at + seconds <= now then
            redis.call('RPOP', key, step)
            removed = removed + step
            if removed >= 4 then
                step = step * 2
            end
        elseif step > 1 then
            step = 1
        else
            return at
        end
    end
end

for place, key in ipairs(KEYS) do
    local use, amount, seconds = unpack(ARGV, 3 * place - 2, 3 * place)
    amount, seconds = tonumber(amount), tonumber(seconds)
    local wait, left, more = 0, -1, 0
    if not refused[use] then
        local oldest = oldest_within(key, seconds)
        local length = oldest and redis.call('LLEN', key) or 0
        local blocking = length > amount and time_at(key, amount - 1) or oldest
        if length >= amount and blocking then
            refused[use] = true
            wait = math.min(math.ceil(blocking + seconds - now), seconds)
        else
            left = amount - redis.call('LPUSH', key, string.format('%.6f', now))
            redis.call('EXPIRE', key, seconds)
            more = math.min(math.ceil((oldest or now) + seconds - now), seconds)
        end
    end
    counted[3 * place - 2], counted[3 * place - 1], counted[3 * place] = wait, left, more
end
return counted
"""
#: What Redis knows the script by.
_COUNT_DIGEST = hashlib.sha1(_COUNT.encode(), usedforsecurity=False).hexdigest()


@value
class Limit:
    """No more than `rate` ("10/minute") under `key`."""

    rate: str
    key: str
    #: What clients are told about: the same for all keys.
    name: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Use:
    """A single use, which counts against each of the limits, in order."""

    limits: tuple[Limit, ...]


class Window(NamedTuple):
    """No more than `amount` uses under `key` in any `seconds`."""

    key: str
    amount: int
    seconds: int
    name: str = ""


class Usage(NamedTuple):
    """What a use has left of a limit: of its limits the one that is closest to exhaustion."""

    name: str
    #: The uses that the limit allows in so many seconds; where these are 0, so many at once.
    quota: int
    window_seconds: int
    remaining: int
    #: The whole seconds until more is available.
    reset_seconds: int
    #: The whole seconds after which to try again; 0 where the use counted.
    wait_seconds: int = 0


#: The usage of every use while limits are disabled.
UNLIMITED = Usage("", 0, 0, 0, 0)


def all_taken(name: str, at_once: int, wait_seconds: int) -> Usage:
    """The usage of a limit on what is under way at the same time, for who is refused by it."""
    return Usage(name, at_once, 0, 0, wait_seconds, wait_seconds)


class Counted(NamedTuple):
    """A window after a use: as in `Usage`."""

    window: Window
    wait_seconds: int
    remaining: int
    reset_seconds: int


class Store(Protocol):
    """Counts in a sliding window: a key has the times of its uses within the last `seconds`."""

    async def count(self, uses: Sequence[Sequence[Window]]) -> list[Usage]:
        """Count the uses one after the other.

        The first full window refuses the use: the windows after it do not count it.
        """


def _tightest(counted: Sequence[Counted]) -> Usage:
    """The usage by the windows that a use was counted in, or by the last one, which refused it."""
    found = counted[-1]
    if not found.wait_seconds and len(counted) > 1:
        found = min(counted, key=lambda each: each.remaining / each.window.amount)
    _, amount, seconds, name = found.window
    if found.wait_seconds:
        return Usage(name, amount, seconds, 0, found.wait_seconds, found.wait_seconds)
    return Usage(name, amount, seconds, max(found.remaining, 0), found.reset_seconds)


class RedisStore:
    """A store that all processes share; several uses are counted in one call."""

    def __init__(self, redis_url: str) -> None:
        self._redis = redis_connection.connect(redis_url, timeout_seconds=_TIMEOUT_SECONDS)
        #: All connections, and those that wait for no answer.
        self._connections: list[redis_connection.Dedicated] = []
        self._idle: list[redis_connection.Dedicated] = []

    async def close(self) -> None:
        for connection in self._connections:
            await connection.close()
        await self._redis.aclose()
        await self._redis.connection_pool.aclose()

    async def count(self, uses: Sequence[Sequence[Window]]) -> list[Usage]:
        """As every store. Raises one of `redis_connection.AWAY`."""
        keys: list[str] = []
        arguments: list[int] = []
        for number, windows in enumerate(uses, start=1):
            for window in windows:
                keys.append(f"rate:{window.key}")
                arguments += (number, window.amount, window.seconds)
        numbers = iter(await self._run(len(keys), *keys, *arguments))
        return [
            _tightest(
                [
                    Counted(window, wait, left, more)
                    for window, wait, left, more in zip(
                        windows, numbers, numbers, numbers, strict=False
                    )
                    # Those after a refusal did not count the use.
                    if left >= 0 or wait > 0
                ]
            )
            for windows in uses
        ]

    async def _run(self, *command: str | int) -> list[int]:
        if not self._idle:
            self._idle.append(redis_connection.Dedicated(self._redis))
            self._connections += self._idle
        connection = self._idle.pop()
        try:
            try:
                found: list[int] = await connection.ask("EVALSHA", _COUNT_DIGEST, *command)
            except redis.exceptions.NoScriptError:
                found = await connection.ask("EVAL", _COUNT, *command)
        finally:
            self._idle.append(connection)
        return found


class MemoryStore:
    """A store of this process alone."""

    def __init__(self, maximum_keys: int = _MAXIMUM_KEYS) -> None:
        self._maximum_keys = maximum_keys
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._times)

    async def count(self, uses: Sequence[Sequence[Window]]) -> list[Usage]:
        now = time.monotonic()
        return [self._count_use(windows, now) for windows in uses]

    def _count_use(self, windows: Sequence[Window], now: float) -> Usage:
        counted = []
        for window in windows:
            counted.append(self._count_in(window, now))
            if counted[-1].wait_seconds:
                break
        while len(self._times) > self._maximum_keys:
            self._times.popitem(last=False)
        return _tightest(counted)

    def _count_in(self, window: Window, now: float) -> Counted:
        times = self._times.get(window.key)
        if times is None:
            times = self._times[window.key] = deque()
        self._times.move_to_end(window.key)
        while times and times[0] + window.seconds <= now:
            times.popleft()
        if len(times) >= window.amount:
            blocking = times[len(times) - window.amount]
            return Counted(window, math.ceil(blocking + window.seconds - now), 0, 0)
        times.append(now)
        reset_seconds = math.ceil(times[0] + window.seconds - now)
        return Counted(window, 0, window.amount - len(times), reset_seconds)


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
        return Window(limit.key, amount, seconds, limit.name)

    async def count(self, uses: Collection[Use]) -> Mapping[Use, Usage]:
        """Count the uses, each of which has at least one limit.

        The first limit that is reached refuses the use, and the limits after it do not count it.
        """
        if self.is_off:
            return dict.fromkeys(uses, UNLIMITED)
        windows = [[self.window(limit) for limit in use.limits] for use in uses]
        return dict(zip(uses, await self._count(windows), strict=True))

    async def _count(self, uses: Sequence[Sequence[Window]]) -> list[Usage]:
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
