"""Cheap rate limits for frequent operations: uses are taken from the limiter in blocks."""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from adapters.rate_limiter import Limit, Usage, Use

_MAXIMUM_KEYS = 50_000
#: How long a block is valid; also the length of the limits' windows.
_SECONDS = 60


@dataclass(slots=True)
class Block:
    """The uses that this process has left, or the refusal, and until when. As a usage, it covers all blocks."""

    name: str
    #: Of the limit: the uses of all blocks.
    quota: int
    uses: int
    until: float
    #: The uses in the blocks that the limiter would still give.
    later_uses: int = 0
    #: When the limiter has more blocks to give.
    more_at: float = 0.0
    is_refused: bool = False
    window_seconds: int = _SECONDS

    @property
    def remaining(self) -> int:
        return self.uses + self.later_uses

    @property
    def reset_seconds(self) -> int:
        """The whole seconds until more is available."""
        return max(0, math.ceil(self.more_at - time.monotonic()))

    @property
    def wait_seconds(self) -> int:
        """The whole seconds after which to try again; 0 where a use counted."""
        return max(1, self.reset_seconds) if self.is_refused else 0


class Allowance:
    """A rate limit per key, counted in Redis by the block and in this process by the use.

    The limiter is asked once for many uses, and not at all for those that are refused. What is left of a
    block expires after a minute: over n processes a key may have n blocks more than its limit says.
    """

    def __init__(
        self,
        name: str,
        count: Callable[[Use], Awaitable[Usage]],
        *,
        blocks_per_minute: int,
        uses_per_block: int,
    ) -> None:
        """`count` counts a use against its limits."""
        self._name = name
        self._count = count
        self._rate = f"{blocks_per_minute}/minute"
        self._uses_per_block = uses_per_block
        self._blocks: OrderedDict[str, Block] = OrderedDict()
        self._fetching: dict[str, asyncio.Task[None]] = {}

    def try_take(self, key: str) -> Block | None:
        """`take` without the limiter, if this process knows the answer; else None."""
        block = self._blocks.get(key)
        if block is None or block.until <= time.monotonic():
            return None
        if block.is_refused:
            return block
        if block.uses == 0:
            return None
        block.uses -= 1
        return block

    async def take(self, key: str) -> Block:
        """Count one use; the block says whether it counted, and what is left."""
        while (block := self.try_take(key)) is None:
            fetching = self._fetching.get(key)
            if fetching is None:
                fetching = self._fetching[key] = asyncio.create_task(self._fetch(key))
                fetching.add_done_callback(lambda _: self._fetching.pop(key))
            # Shielded: others wait for the same block.
            await asyncio.shield(fetching)
        return block

    def refusal(self, key: str) -> Block | None:
        """The refusal of further uses, as far as this process knows; takes none."""
        block = self._blocks.get(key)
        if block is None or not block.is_refused or block.until <= time.monotonic():
            return None
        return block

    async def _fetch(self, key: str) -> None:
        limit = Limit(self._rate, f"{self._name}:{key}", self._name)
        usage = await self._count(Use((limit,)))
        now = time.monotonic()
        self._blocks[key] = Block(
            self._name,
            quota=usage.quota * self._uses_per_block,
            uses=0 if usage.wait_seconds else self._uses_per_block,
            until=now + (usage.wait_seconds or _SECONDS),
            later_uses=usage.remaining * self._uses_per_block,
            more_at=now + usage.reset_seconds,
            is_refused=usage.wait_seconds > 0,
        )
        self._blocks.move_to_end(key)
        if len(self._blocks) > _MAXIMUM_KEYS:
            self._blocks.popitem(last=False)
