"""What jobs work with: made once per worker, and found by the functions that RQ calls by name."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import structlog

from adapters.mailer import Mailer
from adapters.pusher import PusherGateway
from domain import errors
from domain.ledger import money
from jobs.queue import JobQueue
from persistence.engine import condition
from persistence.engine.database import Database
from settings import Settings

log = structlog.get_logger()


class Breaker:
    """Leaves a server alone for a while after it failed: longer each time, up to five seconds."""

    _FIRST_PAUSE_SECONDS = 0.25
    _LONGEST_PAUSE_SECONDS = 5.0

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._pause_seconds = 0.0
        self._until = 0.0

    @property
    def is_open(self) -> bool:
        """Whether to leave it alone now."""
        return self._clock() < self._until

    def failed(self) -> None:
        doubled = max(self._pause_seconds * 2, self._FIRST_PAUSE_SECONDS)
        self._pause_seconds = min(doubled, self._LONGEST_PAUSE_SECONDS)
        self._until = self._clock() + self._pause_seconds

    def worked(self) -> None:
        self._pause_seconds = self._until = 0.0


@dataclass(frozen=True, slots=True)
class JobServices:
    """Everything that outlives a job."""

    database: Database
    #: Where a job that has more to do puts itself again.
    jobs: JobQueue
    mailer: Mailer
    #: None where no Channels server is configured.
    pusher: PusherGateway | None
    currency: money.Currency
    app_url: str
    channels_breaker: Breaker = field(default_factory=Breaker)


@contextlib.asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[JobServices]:
    """The services that the settings describe. Raises ValueError for a setting that is wrong."""
    mailer = Mailer(settings.smtp_url.get_secret_value(), settings.mail_from)
    gateway = PusherGateway.from_settings(settings)
    database = await Database.open(settings.database_url.get_secret_value(), pool_size=3)
    jobs = JobQueue(settings.redis_url.get_secret_value())
    try:
        yield JobServices(
            database=database,
            jobs=jobs,
            mailer=mailer,
            pusher=gateway,
            currency=money.currency(settings.wallet_currency),
            app_url=settings.app_url,
        )
    finally:
        jobs.close()
        await database.close()
        if gateway is not None:
            gateway.close()


@dataclass(frozen=True, slots=True)
class Bench:
    """A worker's services and the event loop that they live on."""

    services: JobServices
    runner: asyncio.Runner

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Do the work of a job. Where the database is away it is left: the relay asks again later."""
        try:
            self.runner.run(work)
        except errors.Unavailable as error:
            log.warning("a job was left", reason=condition.explain(error.__cause__))


#: Set by the worker around its loop.
current_bench: ContextVar[Bench] = ContextVar("current_bench")
