"""Opens and closes the services that requests use: the only place that creates them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters import payment_providers, pusher, rate_limiter, realtime
from adapters.places import Places
from adapters.webhook_endpoints import Endpoints
from app.telemetry.metrics import Metrics
from app.webhook_documents import WebhookDocuments
from application.services import Services
from domain.ledger import money
from domain.people import passwords
from persistence.engine.database import Database
from persistence.ledger import shared_commits
from persistence.ledger.ledger import Ledger
from persistence.ledger.shared_commits import SharedCommits
from realtime.live import Live
from settings import Settings, SettingsError

if TYPE_CHECKING:
    from app.telemetry.spans import Tracing


@dataclass(frozen=True, slots=True)
class Opened:
    """The services of the resolvers, and those that only the running program needs."""

    services: Services
    metrics: Metrics
    hints: realtime.Hints
    pusher: pusher.PusherGateway | None


def read_limits(settings: Settings) -> money.Limits:
    """The limits on amounts. Raises SettingsError with a sentence that names the variable."""
    try:
        return settings.read_limits()
    except ValueError as error:
        raise SettingsError(f"{str(error).removesuffix('.')}; see .env.example.") from None


@asynccontextmanager
async def open_services(
    settings: Settings,
    tracing: Tracing | None = None,
    password_rounds: int = passwords.DEFAULT_ROUNDS,
) -> AsyncIterator[Opened]:
    """All services. Nothing is connected yet, so services may be unavailable.

    `password_rounds` is the cost of hashing a password: each round more doubles it.
    """
    limits = read_limits(settings)
    metrics = Metrics()
    database_url = settings.database_url.get_secret_value()
    redis_url = settings.redis_url.get_secret_value()
    async with AsyncExitStack() as closing:
        try:
            traceparent = None if tracing is None else tracing.traceparent
            database = await Database.open(database_url, traceparent=traceparent)
        except ValueError as error:
            raise SettingsError(f"{error}; see .env.example.") from None
        closing.push_async_callback(database.close)
        ledger = await _open_ledger(settings, limits, metrics, tracing)
        closing.push_async_callback(ledger.close)
        try:
            limiter = await rate_limiter.RateLimiter.open(redis_url, settings.rate_limit_factor)
            closing.push_async_callback(limiter.close)
            hints = await realtime.Hints.open(redis_url)
        except ValueError as error:
            raise SettingsError(
                f"REDIS_URL is wrong: {str(error).removesuffix('.')}; see .env.example."
            ) from None
        closing.push_async_callback(hints.close)
        live = Live(database, hints)
        await live.start()
        closing.push_async_callback(live.stop)
        places = _open_places(settings)
        closing.callback(places.close)
        endpoints = Endpoints.of(settings)
        closing.callback(endpoints.close)
        provider = payment_providers.configured(settings)
        if provider is not None:
            closing.push_async_callback(provider.close)
        services = Services(
            settings=settings,
            limits=limits,
            database=database,
            ledger=ledger,
            rate_limiter=limiter,
            live=live,
            metrics=metrics,
            endpoints=endpoints,
            webhook_documents=WebhookDocuments.of(settings, database),
            wake_relay=hints.wake,
            password_rounds=password_rounds,
            places=places,
            top_up_provider=provider,
        )
        yield Opened(services, metrics, hints, pusher.PusherGateway.from_settings(settings))


def _open_places(settings: Settings) -> Places:
    try:
        return Places.open(settings.geoip_database)
    except ValueError as error:
        raise SettingsError(f"GEOIP_DATABASE is wrong: {error}; see .env.example.") from None


async def _open_ledger(
    settings: Settings, limits: money.Limits, metrics: Metrics, tracing: Tracing | None
) -> SharedCommits:
    ledger = await (Ledger if tracing is None else tracing.ledger).open(
        settings.database_url.get_secret_value(),
        limits,
        connections=(settings.settlement_batches or shared_commits.BATCHES_AT_ONCE)
        + shared_commits.ALONE_AT_ONCE,
        audit_key=settings.sealing_key,
        traceparent=None if tracing is None else tracing.traceparent,
    )
    return (SharedCommits if tracing is None else tracing.commits)(
        ledger,
        batches=settings.settlement_batches,
        batch_commands=settings.settlement_batch_commands,
        queue_commands=settings.settlement_queue_commands,
        settling=metrics.settling,
    )
