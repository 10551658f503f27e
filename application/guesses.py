"""Delays of password guesses, which grow with their number without locking out the owner of the account."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

from adapters.rate_limiter import Limit, Usage, Use, all_taken
from domain import errors

#: Limits on attempts at one account from unknown devices: each exhausted limit doubles the delay.
_ALLOWANCES = ("5/hour", "10/hour", "20/hour", "40/hour", "80/hour")
_FIRST_DELAY_SECONDS = 0.5
#: The maximum number of delayed attempts in this process: per account and network, and in total.
_MAXIMUM_AT_ONCE_OF_CLIENT = 3
_MAXIMUM_AT_ONCE = 1000


def delay_seconds(exhausted: int) -> float:
    """The delay in seconds by the number of exhausted limits of the account: 0, 0.5, 1, … 8."""
    return _FIRST_DELAY_SECONDS * 2 ** (exhausted - 1) if exhausted else 0.0


class Guesses:
    """The attempts that are waiting in this process.

    A delayed attempt holds no thread, no database connection and no place in the queue of passwords.
    """

    def __init__(
        self,
        count: Callable[[Sequence[Use]], Awaitable[Mapping[Use, Usage]]],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._count = count
        self._pause = pause
        self._waiting: Counter[str] = Counter()

    async def wait_turn(self, account: str, client: str) -> None:
        """Count an attempt at that account and delay it.

        Raises RateLimited if the same client already has too many waiting.
        """
        uses = [Use((Limit(rate, f"guesses.{account}.{rate}"),)) for rate in _ALLOWANCES]
        usages = await self._count(uses)
        seconds = delay_seconds(sum(usages[use].wait_seconds > 0 for use in uses))
        if seconds:
            with self._place(f"{account}@{client}", seconds):
                await self._pause(seconds)

    @contextlib.contextmanager
    def _place(self, key: str, seconds: float) -> Iterator[None]:
        if (
            self._waiting[key] >= _MAXIMUM_AT_ONCE_OF_CLIENT
            or self._waiting.total() >= _MAXIMUM_AT_ONCE
        ):
            wait_seconds = int(seconds) + 1
            limit = all_taken("guesses", _MAXIMUM_AT_ONCE_OF_CLIENT, wait_seconds)
            raise errors.RateLimited(wait_seconds, limit)
        self._waiting[key] += 1
        try:
            yield
        finally:
            self._waiting[key] -= 1
            if not self._waiting[key]:
                del self._waiting[key]
