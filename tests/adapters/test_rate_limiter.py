"""Rate limits: shared by all processes, scaled by the factor, and working without Redis."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable

import pytest
import redis

from adapters.rate_limiter import Limit, RateLimiter, Use
from dev import valkey

pytestmark = pytest.mark.anyio

Open = Callable[..., RateLimiter]


@pytest.fixture
async def open_limiter(redis_url: str) -> AsyncIterator[Open]:
    opened: list[RateLimiter] = []

    def make(url: str = redis_url, factor: float = 1) -> RateLimiter:
        opened.append(RateLimiter(url, factor))
        return opened[-1]

    yield make
    for limiter in opened:
        await limiter.close()


async def hit(limiter: RateLimiter, operation: str, rate: str, key: str) -> int:
    """The seconds to wait before that use, 0 where it was counted."""
    use = Use((Limit(rate, f"{operation}:{key}"),))
    return (await limiter.count([use]))[use].wait_seconds


async def test_the_limit_holds_over_all_processes(open_limiter: Open) -> None:
    one, other = open_limiter(), open_limiter()
    assert await hit(one, "login", "3/minute", "client:a") == 0
    assert await hit(other, "login", "3/minute", "client:a") == 0
    assert await hit(one, "login", "3/minute", "client:a") == 0
    assert 50 <= await hit(other, "login", "3/minute", "client:a") <= 60


async def test_operations_and_keys_are_counted_apart(open_limiter: Open) -> None:
    limiter = open_limiter()
    assert await hit(limiter, "login", "1/minute", "client:a") == 0
    assert await hit(limiter, "login", "1/minute", "client:b") == 0
    assert await hit(limiter, "register", "1/minute", "client:a") == 0
    assert await hit(limiter, "login", "1/minute", "client:a") > 0


async def test_the_first_limit_that_is_reached_refuses_and_those_after_it_do_not_count(
    open_limiter: Open, start_valkey: Callable[[], valkey.Valkey]
) -> None:
    server = start_valkey()
    for limiter in (open_limiter(), open_limiter(url=server.url)):
        server.kill()
        both = Limit("1/minute", "client:a"), Limit("2/minute", "account:b")
        uses = [Use(both), Use(both), Use(both[1:])]
        first, refused, last = [(await limiter.count([use]))[use].wait_seconds for use in uses]
        assert (first, last) == (0, 0)
        assert 50 <= refused <= 60


async def test_uses_counted_in_one_call_are_counted_one_after_the_other(open_limiter: Open) -> None:
    uses = [Use((Limit("2/minute", f"client:{number % 2}"),)) for number in range(6)]
    counted = await open_limiter().count(uses)
    assert [counted[use].wait_seconds > 0 for use in uses] == [False] * 4 + [True] * 2


async def test_the_factor_scales_every_limit(open_limiter: Open) -> None:
    limiter = open_limiter(factor=3)
    for _ in range(6):
        assert await hit(limiter, "login", "2/minute", "client:a") == 0
    assert await hit(limiter, "login", "2/minute", "client:a") > 0


async def test_a_factor_of_zero_disables_limits_without_queries(open_limiter: Open) -> None:
    limiter = open_limiter(url="redis://127.0.0.1:1/0", factor=0)
    for _ in range(50):
        assert await hit(limiter, "login", "1/minute", "client:a") == 0


async def test_without_redis_there_is_still_a_limit(
    open_limiter: Open, start_valkey: Callable[[], valkey.Valkey]
) -> None:
    server = start_valkey()
    limiter = open_limiter(url=server.url)
    assert await hit(limiter, "login", "2/minute", "client:a") == 0
    server.kill()
    assert await hit(limiter, "login", "2/minute", "client:a") == 0
    assert await hit(limiter, "login", "2/minute", "client:a") == 0
    assert await hit(limiter, "login", "2/minute", "client:a") > 0


async def test_a_silent_redis_is_asked_once_and_then_left_alone(
    open_limiter: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.rate_limiter._TIMEOUT_SECONDS", 0.5)
    monkeypatch.setattr("adapters.rate_limiter._PAUSE_SECONDS", 60.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        limiter = open_limiter(url=f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        for _ in range(20):
            assert await hit(limiter, "login", "100/minute", "client:a") == 0
        silent.setblocking(False)
        silent.accept()[0].close()
        with pytest.raises(BlockingIOError):
            silent.accept()


async def test_redis_counts_again_when_it_is_back(
    open_limiter: Open, start_valkey: Callable[[], valkey.Valkey], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.rate_limiter._PAUSE_SECONDS", 0.0)
    server = start_valkey()
    one, other = open_limiter(url=server.url), open_limiter(url=server.url)
    server.kill()
    assert await hit(one, "login", "1/minute", "client:a") == 0
    server.start()
    assert await hit(one, "login", "1/minute", "client:a") == 0
    assert await hit(other, "login", "1/minute", "client:a") > 0


async def test_redis_counts_on_after_it_forgot_the_script_and_closed_the_connection(
    open_limiter: Open, redis_url: str
) -> None:
    limiter, other = open_limiter(), open_limiter()
    assert await hit(limiter, "login", "3/minute", "client:a") == 0
    with redis.Redis.from_url(redis_url) as memory:
        memory.script_flush()
        assert await hit(limiter, "login", "3/minute", "client:a") == 0
        database = str(memory.get_connection_kwargs()["db"])
        [own] = [
            each
            for each in memory.client_list()
            if each["db"] == database and each["cmd"] in ("eval", "evalsha")
        ]
        memory.client_kill(own["addr"])
        assert await hit(limiter, "login", "3/minute", "client:a") == 0
        assert memory.llen(*memory.keys("rate:*login:client:a")) == 3
    assert await hit(other, "login", "3/minute", "client:a") > 0


@pytest.mark.parametrize("forged", ["9999999999", "inf", "text", b"\xff", None])
async def test_foreign_data_in_redis_locks_no_user_out(
    open_limiter: Open, redis_url: str, forged: str | bytes | None
) -> None:
    limiter = open_limiter()
    assert await hit(limiter, "login", "2/minute", "client:a") == 0
    with redis.Redis.from_url(redis_url) as memory:
        [key] = memory.keys("rate:*login:client:a")
        memory.delete(key)
        if forged is None:
            memory.set(key, "no list")
        else:
            memory.rpush(key, forged, forged, forged)
        for wait in (False, False, True):
            assert (await hit(limiter, "login", "2/minute", "client:a") > 0) is wait
        assert memory.llen(key) == 2
