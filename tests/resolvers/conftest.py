"""The services of resolvers, on a database and a Redis for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

import tests.conftest
from adapters.rate_limiter import RateLimiter
from adapters.realtime import Hints
from adapters.webhook_endpoints import Endpoints
from app.webhook_documents import WebhookDocuments
from application.services import Services
from domain.ledger import money
from persistence.engine.database import Database
from persistence.ledger.ledger import Ledger
from realtime.live import Live
from settings import Settings
from tests import databases, row_changes
from tests.resolvers.world import CountedMetrics, Someone, World

#: The least that bcrypt takes: tests are about who is let in, not about how long a guess takes.
ROUNDS = 4


@pytest.fixture(scope="module")
def shared_settings(template_database: str, worker_number: int) -> Iterator[Settings]:
    """Settings on a database that the tests of a module share; no limits on rates."""
    with databases.reused(worker_number, template_database) as url:
        yield tests.conftest.make_settings(database_url=url)


@pytest.fixture(scope="module")
async def world(shared_settings: Settings) -> AsyncIterator[World]:
    """A service that the tests of a module share: each brings its own people."""
    async with _open(shared_settings) as world:
        yield world


@pytest.fixture
async def new_world(settings: Settings) -> AsyncIterator[Callable[..., Awaitable[World]]]:
    """Opens a service with nobody in it, on settings of the test's choice."""
    async with AsyncExitStack() as stack:

        async def make(**values: object) -> World:
            return await stack.enter_async_context(_open(settings.model_copy(update=values)))

        yield make


@pytest.fixture(scope="module")
async def someone(world: World) -> Someone:
    """Verified, with 1,000.00; shared by tests that leave a person as they were."""
    return await world.join("Someone", balance="1000")


@pytest.fixture(scope="module")
async def other(world: World) -> Someone:
    """Verified; shared likewise."""
    return await world.join("Other")


@pytest.fixture
async def alpha(world: World) -> Someone:
    """Verified, with 1,000.00."""
    return await world.join("Alpha", balance="1000")


@pytest.fixture
async def beta(world: World) -> Someone:
    """Verified, with nothing."""
    return await world.join("Beta")


@asynccontextmanager
async def _open(settings: Settings) -> AsyncIterator[World]:
    limits = money.limits(
        settings.wallet_currency,
        maximum_transfer=settings.max_transfer,
        maximum_top_up=settings.max_top_up,
        maximum_balance=settings.max_balance,
        fee_basis_points=settings.transfer_fee_basis_points,
    )
    url = settings.database_url.get_secret_value()
    redis_url = settings.redis_url.get_secret_value()
    async with AsyncExitStack() as stack:
        database = await Database.open(url, pool_size=4)
        stack.push_async_callback(database.close)
        ledger = await Ledger.open(url, limits, connections=2)
        stack.push_async_callback(ledger.close)
        rate_limiter = await RateLimiter.open(redis_url, settings.rate_limit_factor)
        stack.push_async_callback(rate_limiter.close)
        hints = await Hints.open(redis_url)
        stack.push_async_callback(hints.close)
        live = Live(database, hints)
        await live.start()
        stack.push_async_callback(live.stop)
        metrics = CountedMetrics()
        endpoints = Endpoints.of(settings)
        stack.callback(endpoints.close)
        services = Services(
            settings=settings,
            limits=limits,
            database=database,
            ledger=ledger,
            rate_limiter=rate_limiter,
            live=live,
            metrics=metrics,
            endpoints=endpoints,
            webhook_documents=WebhookDocuments.of(settings, database),
            password_rounds=ROUNDS,
        )
        with row_changes.Connection.open(url) as connection:
            yield World(services, metrics, connection)
