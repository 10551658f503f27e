"""Generous rate limits that cost next to nothing: uses are taken from the limiter in blocks."""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from adapters.rate_limiter import Limit, Use

_MAXIMUM_KEYS = 50_000
#: How long a block may be used; also the length of the limits' windows.
_SECONDS = 60


@dataclass(slots=True)
class _Block:
    """The uses that a process has left, or its refusal, and until when."""

    uses: int
    until: float
    is_refused: bool = False


class Allowance:
    """A rate limit per key, counted in Redis by the block and in this process by the use.

    The limiter is asked once for many uses, and not at all for those that are refused. What is left of a
    block expires after a minute: over n processes a key may have n blocks more than its limit says.
    """

    def __init__(
        self,
        name: str,
        count: Callable[[Use], Awaitable[int]],
        *,
        blocks_per_minute: int,
        uses_per_block: int,
    ) -> None:
        """`count` counts a use against its limits: the seconds to wait, 0 where it counted."""
        self._name = name
        self._count = count
        self._rate = f"{blocks_per_minute}/minute"
        self._uses_per_block = uses_per_block
        self._blocks: OrderedDict[str, _Block] = OrderedDict()
        self._fetching: dict[str, asyncio.Task[None]] = {}

    def try_take(self, key: str) -> int | None:
        """`take` without the limiter, if this process knows the answer; else None."""
        block = self._blocks.get(key)
        if block is None or (left := block.until - time.monotonic()) <= 0:
            return None
        if block.is_refused:
            return math.ceil(left)
        if block.uses == 0:
            return None
        block.uses -= 1
        return 0

    async def take(self, key: str) -> int:
        """Count one use: the whole seconds after which to try again, 0 where it counted."""
        while (wait := self.try_take(key)) is None:
            fetching = self._fetching.get(key)
            if fetching is None:
                fetching = self._fetching[key] = asyncio.create_task(self._fetch(key))
                fetching.add_done_callback(lambda _: self._fetching.pop(key))
            # Shielded: others wait for the same block.
            await asyncio.shield(fetching)
        return wait

    def refused_seconds(self, key: str) -> int:
        """How long further uses are refused, as far as this process knows; takes none."""
        block = self._blocks.get(key)
        if block is None or not block.is_refused:
            return 0
        return max(0, math.ceil(block.until - time.monotonic()))

    async def _fetch(self, key: str) -> None:
        wait = await self._count(Use((Limit(self._rate, f"{self._name}:{key}"),)))
        now = time.monotonic()
        if wait:
            block = _Block(0, now + wait, is_refused=True)
        else:
            block = _Block(self._uses_per_block, now + _SECONDS)
        self._blocks[key] = block
        self._blocks.move_to_end(key)
        if len(self._blocks) > _MAXIMUM_KEYS:
            self._blocks.popitem(last=False)
