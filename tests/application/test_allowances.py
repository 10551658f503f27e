"""Allowances: blocks of uses from the limiter, one call for many, and none for what is refused."""

from __future__ import annotations

import asyncio

import pytest

from adapters.rate_limiter import RateLimiter, Use
from application.allowances import Allowance

pytestmark = pytest.mark.anyio


class Counting:
    """A limiter, and how often it was asked."""

    def __init__(self, limiter: RateLimiter) -> None:
        self.limiter = limiter
        self.calls = 0

    async def count(self, use: Use) -> int:
        self.calls += 1
        return (await self.limiter.count([use]))[use]


@pytest.fixture
def counting(redis_url: str) -> Counting:
    return Counting(RateLimiter(redis_url, 1))


def allowance(counting: Counting, blocks: int = 4, uses: int = 5) -> Allowance:
    return Allowance("test", counting.count, blocks_per_minute=blocks, uses_per_block=uses)


async def test_the_limiter_is_asked_once_a_block(counting: Counting) -> None:
    reads = allowance(counting)
    assert [await reads.take("a") for _ in range(20)] == [0] * 20
    assert counting.calls == 4
    await counting.limiter.close()


async def test_what_is_refused_is_refused_without_asking_again(counting: Counting) -> None:
    reads = allowance(counting)
    for _ in range(20):
        await reads.take("a")
    waits = [await reads.take("a") for _ in range(10)]
    assert all(50 <= wait <= 60 for wait in waits)
    assert 50 <= reads.refused_seconds("a") <= 60
    assert counting.calls == 5
    assert await reads.take("b") == 0
    await counting.limiter.close()


async def test_requests_that_come_together_share_the_blocks(counting: Counting) -> None:
    reads = allowance(counting)
    waits = await asyncio.gather(*(reads.take("a") for _ in range(23)))
    assert sorted(wait > 0 for wait in waits) == [False] * 20 + [True] * 3
    assert counting.calls == 5
    await counting.limiter.close()


async def test_the_limit_holds_over_all_processes(counting: Counting) -> None:
    one, other = allowance(counting), allowance(counting)
    taken = [await process.take("a") == 0 for _ in range(15) for process in (one, other)]
    assert taken.count(True) == 20
    await counting.limiter.close()


async def test_to_look_whether_one_is_refused_takes_nothing(counting: Counting) -> None:
    reads = allowance(counting)
    assert reads.refused_seconds("a") == 0
    assert reads.try_take("a") is None
    assert counting.calls == 0
    await counting.limiter.close()


async def test_who_goes_away_does_not_take_the_block_of_the_others_along(
    counting: Counting,
) -> None:
    reads = allowance(counting)
    tasks = [asyncio.create_task(reads.take("a")) for _ in range(3)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    assert await asyncio.gather(*tasks[1:]) == [0, 0]
    await counting.limiter.close()
