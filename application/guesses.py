"""Guesses of passwords: each is delayed by how many there were, and its account's owner is not locked out."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

from adapters.rate_limiter import Limit, Use
from domain import errors

#: Attempts at one account that come from devices which never signed in to it: each of these that is used
#: up doubles the delay.
_ALLOWANCES = ("5/hour", "10/hour", "20/hour", "40/hour", "80/hour")
_FIRST_DELAY_SECONDS = 0.5
#: Attempts that are delayed at once in this process: at one account from one network, and all together.
_MAXIMUM_AT_ONCE_OF_CLIENT = 3
_MAXIMUM_AT_ONCE = 1000


def delay_seconds(exhausted: int) -> float:
    """How long an attempt waits of whose account so many allowances are used up: 0, 0.5, 1, … 8."""
    return _FIRST_DELAY_SECONDS * 2 ** (exhausted - 1) if exhausted else 0.0


class Guesses:
    """The attempts that are waiting in this process.

    A delayed attempt holds no thread, no database connection and no place in the queue of passwords.
    """

    def __init__(
        self,
        count: Callable[[Sequence[Use]], Awaitable[Mapping[Use, int]]],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._count = count
        self._pause = pause
        self._waiting: Counter[str] = Counter()

    async def wait_turn(self, account: str, client: str) -> None:
        """Count an attempt at that account and delay it.

        Raises RateLimited where the same client has too many waiting already.
        """
        uses = [Use((Limit(rate, f"guesses.{account}.{rate}"),)) for rate in _ALLOWANCES]
        waits = await self._count(uses)
        seconds = delay_seconds(sum(waits[use] > 0 for use in uses))
        if seconds:
            with self._place(f"{account}@{client}", seconds):
                await self._pause(seconds)

    @contextlib.contextmanager
    def _place(self, key: str, seconds: float) -> Iterator[None]:
        if (
            self._waiting[key] >= _MAXIMUM_AT_ONCE_OF_CLIENT
            or self._waiting.total() >= _MAXIMUM_AT_ONCE
        ):
            raise errors.RateLimited(int(seconds) + 1)
        self._waiting[key] += 1
        try:
            yield
        finally:
            self._waiting[key] -= 1
            if not self._waiting[key]:
                del self._waiting[key]
