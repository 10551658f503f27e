"""The services that jobs use: opened once per worker, and found by the functions that RQ calls."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import structlog

from adapters import payment_providers
from adapters.mailer import Mailer
from adapters.pusher import PusherGateway
from application.posting import Listeners
from application.services import Metrics
from domain import errors
from domain.ledger import money
from domain.top_ups.provider import PaymentProvider
from jobs.background import Background
from jobs.breaker import Breaker
from jobs.queue import JobQueue
from jobs.sinks import table
from jobs.sinks.sink import Sink
from jobs.spans import NO_SPANS, Spans
from persistence.engine import condition
from persistence.engine.database import Database
from persistence.ledger.ledger import Ledger
from settings import Settings

log = structlog.get_logger()


class _NoListeners:
    """Subscribers are in other processes, which hear of what is posted from a relay."""

    def posted(self, *_about: object) -> None: ...

    def notified(self, *_about: object) -> None: ...


class _NoMetrics:
    """Workers serve no metrics."""

    def operation(self, name: str, outcome: str) -> None: ...

    def transfer(self, outcome: str) -> None: ...


_NO_LISTENERS, _NO_METRICS = _NoListeners(), _NoMetrics()


def _do_nothing() -> None:
    """Wake no relay: it polls."""


@dataclass(frozen=True, slots=True)
class JobServices:
    """Everything that outlives a job; what posts transfers is as in the API (application.posting)."""

    database: Database
    ledger: Ledger
    #: Where a job with more to do queues another one.
    jobs: JobQueue
    mailer: Mailer
    #: None where no Channels server is configured.
    pusher: PusherGateway | None
    currency: money.Currency
    app_url: str
    #: The sinks that are configured.
    sinks: Sequence[Sink]
    spans: Spans = NO_SPANS
    live: Listeners = _NO_LISTENERS
    metrics: Metrics = _NO_METRICS
    wake_relay: Callable[[], None] = _do_nothing
    #: None where none is configured.
    top_up_provider: PaymentProvider | None = None
    _breakers: dict[str, Breaker] = field(default_factory=dict)

    def breaker(self, sink: str) -> Breaker:
        """The breaker of that sink's server."""
        return self._breakers.setdefault(sink, Breaker())


@contextlib.asynccontextmanager
async def opened(settings: Settings, spans: Spans = NO_SPANS) -> AsyncIterator[JobServices]:
    """Open the services that the settings describe. Raises ValueError for an invalid setting."""
    mailer = Mailer(settings.smtp_url.get_secret_value(), settings.mail_from)
    gateway = PusherGateway.from_settings(settings)
    limits = settings.read_limits()
    url = settings.database_url.get_secret_value()
    database = await Database.open(url, pool_size=3)
    ledger = await Ledger.open(url, limits, connections=1, audit_key=settings.sealing_key)
    jobs = JobQueue(settings.redis_url.get_secret_value())
    provider = payment_providers.configured(settings)
    try:
        yield JobServices(
            database=database,
            ledger=ledger,
            jobs=jobs,
            mailer=mailer,
            pusher=gateway,
            currency=limits.currency,
            app_url=settings.app_url,
            sinks=table.configured(settings),
            spans=spans,
            top_up_provider=provider,
        )
    finally:
        if provider is not None:
            await provider.close()
        jobs.close()
        await ledger.close()
        await database.close()
        if gateway is not None:
            gateway.close()


@dataclass(frozen=True, slots=True)
class Bench:
    """A worker's services, and the event loop that they belong to."""

    services: JobServices
    runner: asyncio.Runner
    #: For work that mostly waits.
    background: Background[Any]

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a job. If the database is unavailable, give it up: the relay queues it again later."""
        try:
            # The runner has a context of its own, without the span of the job.
            self.runner.run(work, context=contextvars.copy_context())
        except errors.Unavailable as error:
            log.warning(
                "a job was given up: the database is unavailable",
                reason=condition.explain(error.__cause__),
            )


#: Set by the worker around its loop.
current_bench: ContextVar[Bench] = ContextVar("current_bench")
