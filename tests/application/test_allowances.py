"""Allowances: blocks of uses reserved in one call, and none for refused uses."""

from __future__ import annotations

import asyncio

import pytest

from adapters.rate_limiter import RateLimiter, Usage, Use
from application.allowances import Allowance

pytestmark = pytest.mark.anyio


class Counting:
    """A limiter, and how often it was asked."""

    def __init__(self, limiter: RateLimiter) -> None:
        self.limiter = limiter
        self.calls = 0

    async def count(self, use: Use) -> Usage:
        self.calls += 1
        return (await self.limiter.count([use]))[use]


@pytest.fixture
def counting(redis_url: str) -> Counting:
    return Counting(RateLimiter(redis_url, 1))


def allowance(counting: Counting, blocks: int = 4, uses: int = 5) -> Allowance:
    return Allowance("test", counting.count, blocks_per_minute=blocks, uses_per_block=uses)


async def waits(allowance: Allowance, count: int, key: str = "a") -> list[int]:
    return [(await allowance.take(key)).wait_seconds for _ in range(count)]


async def test_a_block_says_what_is_left_of_all_blocks(counting: Counting) -> None:
    reads = allowance(counting)
    for remaining in range(19, -1, -1):
        block = await reads.take("a")
        assert (block.name, block.quota, block.window_seconds) == ("test", 20, 60)
        assert block.remaining == remaining
        assert 50 <= block.reset_seconds <= 60
    await counting.limiter.close()


async def test_the_limiter_is_asked_once_a_block(counting: Counting) -> None:
    reads = allowance(counting)
    assert await waits(reads, 20) == [0] * 20
    assert counting.calls == 4
    await counting.limiter.close()


async def test_what_is_refused_is_refused_without_asking_again(counting: Counting) -> None:
    reads = allowance(counting)
    for _ in range(20):
        await reads.take("a")
    assert all(50 <= wait <= 60 for wait in await waits(reads, 10))
    refusal = reads.refusal("a")
    assert refusal is not None
    assert 50 <= refusal.wait_seconds <= 60
    assert (refusal.quota, refusal.remaining, refusal.reset_seconds) == (
        20,
        0,
        refusal.wait_seconds,
    )
    assert counting.calls == 5
    assert (await reads.take("b")).wait_seconds == 0
    await counting.limiter.close()


async def test_requests_that_come_together_share_the_blocks(counting: Counting) -> None:
    reads = allowance(counting)
    taken = await asyncio.gather(*(reads.take("a") for _ in range(23)))
    assert sorted(block.wait_seconds > 0 for block in taken) == [False] * 20 + [True] * 3
    assert counting.calls == 5
    await counting.limiter.close()


async def test_the_limit_holds_over_all_processes(counting: Counting) -> None:
    one, other = allowance(counting), allowance(counting)
    taken = [await process.take("a") for _ in range(15) for process in (one, other)]
    assert [block.wait_seconds for block in taken].count(0) == 20
    await counting.limiter.close()


async def test_to_look_whether_one_is_refused_takes_nothing(counting: Counting) -> None:
    reads = allowance(counting)
    assert reads.refusal("a") is None
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
    assert [block.wait_seconds for block in await asyncio.gather(*tasks[1:])] == [0, 0]
    await counting.limiter.close()
