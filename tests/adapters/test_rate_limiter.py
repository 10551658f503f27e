"""Limits: shared by all processes, scaled by the factor, and there without Redis too."""

from __future__ import annotations

import socket
import time
from collections.abc import AsyncIterator, Callable

import pytest

from adapters.rate_limiter import RateLimiter
from app.dev_services import valkey
from domain import errors

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


async def test_the_limit_holds_over_all_processes(open_limiter: Open) -> None:
    one, other = open_limiter(), open_limiter()
    await one.hit("login", "3/minute", "client:a")
    await other.hit("login", "3/minute", "client:a")
    await one.hit("login", "3/minute", "client:a")
    with pytest.raises(errors.RateLimited) as refusal:
        await other.hit("login", "3/minute", "client:a")
    assert 50 <= refusal.value.retry_after_seconds <= 60


async def test_operations_and_keys_are_counted_apart(open_limiter: Open) -> None:
    limiter = open_limiter()
    await limiter.hit("login", "1/minute", "client:a")
    await limiter.hit("login", "1/minute", "client:b")
    await limiter.hit("register", "1/minute", "client:a")
    with pytest.raises(errors.RateLimited):
        await limiter.hit("login", "1/minute", "client:c", "client:a")


async def test_the_factor_scales_every_limit(open_limiter: Open) -> None:
    limiter = open_limiter(factor=3)
    for _ in range(6):
        await limiter.hit("login", "2/minute", "client:a")
    with pytest.raises(errors.RateLimited):
        await limiter.hit("login", "2/minute", "client:a")


async def test_a_factor_of_zero_is_no_limit_and_asks_nobody(open_limiter: Open) -> None:
    limiter = open_limiter(url="redis://127.0.0.1:1/0", factor=0)
    for _ in range(50):
        await limiter.hit("login", "1/minute", "client:a")


async def test_without_redis_there_is_still_a_limit(
    open_limiter: Open, start_valkey: Callable[[], valkey.Valkey]
) -> None:
    server = start_valkey()
    limiter = open_limiter(url=server.url)
    await limiter.hit("login", "2/minute", "client:a")
    server.kill()
    await limiter.hit("login", "2/minute", "client:a")
    await limiter.hit("login", "2/minute", "client:a")
    with pytest.raises(errors.RateLimited):
        await limiter.hit("login", "2/minute", "client:a")


async def test_a_silent_redis_costs_one_short_timeout(open_limiter: Open) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        limiter = open_limiter(url=f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        began = time.monotonic()
        for _ in range(20):
            await limiter.hit("login", "100/minute", "client:a")
        assert time.monotonic() - began < 2


async def test_redis_counts_again_when_it_is_back(
    open_limiter: Open, start_valkey: Callable[[], valkey.Valkey], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.rate_limiter._PAUSE_SECONDS", 0.0)
    server = start_valkey()
    one, other = open_limiter(url=server.url), open_limiter(url=server.url)
    server.kill()
    await one.hit("login", "1/minute", "client:a")
    server.start()
    await one.hit("login", "1/minute", "client:a")
    with pytest.raises(errors.RateLimited):
        await other.hit("login", "1/minute", "client:a")
