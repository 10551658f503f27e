"""Both stores of the rate limiter refuse the same uses for the same time."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import redis

from adapters.rate_limiter import (
    Limit,
    MemoryStore,
    RateLimiter,
    RedisStore,
    Store,
    Use,
    Window,
    scaled,
)
from tests.waiting import until

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["redis", "memory"])
async def store(request: pytest.FixtureRequest, redis_url: str) -> AsyncIterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
        return
    redis = RedisStore(redis_url)
    yield redis
    await redis.close()


def uses(*amounts: int, key: str = "a", seconds: int = 60) -> list[list[Window]]:
    return [[Window(key, amount, seconds)] for amount in amounts]


async def waits(store: Store, windows: list[list[Window]]) -> list[int]:
    return [usage.wait_seconds for usage in await store.count(windows)]


async def test_a_full_window_refuses_until_its_oldest_use_leaves_it(store: Store) -> None:
    assert await waits(store, uses(3, 3, 3)) == [0, 0, 0]
    [wait] = await waits(store, uses(3))
    assert 50 <= wait <= 60


async def test_a_use_is_told_what_is_left_and_when_there_is_more(store: Store) -> None:
    window = Window("a", 3, 60, "sends")
    usages = await store.count([[window]] * 5)
    assert [each.remaining for each in usages] == [2, 1, 0, 0, 0]
    assert [each.wait_seconds > 0 for each in usages] == [False] * 3 + [True] * 2
    assert {each[:3] for each in usages} == {("sends", 3, 60)}
    assert all(50 <= each.reset_seconds <= 60 for each in usages)
    assert all(each.wait_seconds in (0, each.reset_seconds) for each in usages)


async def test_of_several_limits_the_one_closest_to_exhaustion_is_told(store: Store) -> None:
    small, large = Window("small", 2, 60, "small"), Window("large", 10, 60, "large")
    usages = await store.count([[large]] * 7 + [[large, small], [large, small], [large, small]])
    told = [(each.name, each.remaining) for each in usages[-3:]]
    assert told == [("large", 2), ("small", 0), ("small", 0)]
    assert usages[-1].wait_seconds > 0


async def test_uses_that_left_the_window_count_no_more(store: Store) -> None:
    short, long = Window("short", 3, 1, "short"), Window("long", 100, 60, "long")
    # In one call, so that they leave the window together.
    assert [usage.remaining for usage in await store.count([[short]] * 3)] == [2, 1, 0]

    async def one_of_three_is_counted() -> bool:
        [usage] = await store.count([[short]])
        return usage.wait_seconds == 0

    await until(one_of_three_is_counted)
    await store.count([[long]] * 40)
    assert (await store.count([[long]]))[0].remaining == 59


async def test_keys_are_counted_apart(store: Store) -> None:
    assert await waits(store, [*uses(1, key="a"), *uses(1, key="b")]) == [0, 0]
    assert [wait > 0 for wait in await waits(store, [*uses(1, key="a"), *uses(1, key="c")])] == [
        True,
        False,
    ]


async def test_a_refused_use_is_not_counted(store: Store) -> None:
    await store.count(uses(2, 2, seconds=1))
    for _ in range(5):
        await store.count(uses(2, seconds=1))

    async def has_room() -> bool:
        return (await waits(store, uses(2, seconds=1))) == [0]

    await until(has_room)
    assert await has_room()


async def test_the_first_full_window_refuses_and_those_after_it_do_not_count(store: Store) -> None:
    small, large = Window("small", 1, 60), Window("large", 2, 60)
    counted = await waits(store, [[small, large], [small, large], [large], [large]])
    assert [wait > 0 for wait in counted] == [False, True, False, True]


async def test_windows_before_the_full_one_have_counted(store: Store) -> None:
    small, large = Window("small", 1, 60), Window("large", 2, 60)
    counted = await waits(store, [[large, small], [large, small], [large]])
    assert [wait > 0 for wait in counted] == [False, True, True]


async def test_a_window_that_became_larger_has_room_for_the_difference(store: Store) -> None:
    assert [w > 0 for w in await waits(store, uses(2, 2, 2))] == [False, False, True]
    assert [w > 0 for w in await waits(store, uses(3, 3))] == [False, True]


async def test_the_memory_store_forgets_the_keys_used_longest_ago() -> None:
    store = MemoryStore(maximum_keys=10)
    for number in range(100):
        await store.count(uses(1, key=str(number)))
    assert len(store) == 10


def test_a_rate_is_scaled_and_never_nothing() -> None:
    assert scaled("600/minute", 1) == (600, 60)
    assert scaled("5/hour", 2) == (10, 3600)
    assert scaled("60/second", 0.001) == (1, 1)


async def test_what_others_wrote_to_redis_neither_refuses_for_ever_nor_breaks_anything(
    redis_url: str,
) -> None:
    limiter = RateLimiter(redis_url, 1)
    use = Use((Limit("1/minute", "poisoned"),))
    with redis.Redis.from_url(redis_url) as written:
        for poison in ("99999999999", "nonsense"):
            written.delete("rate:poisoned")
            written.lpush("rate:poisoned", poison)
            assert (await limiter.count([use]))[use].wait_seconds == 0
        written.set("rate:poisoned", "of another type")
        assert (await limiter.count([use]))[use].wait_seconds <= 60
    await limiter.close()
