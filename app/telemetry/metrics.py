"""Metrics for Prometheus: counters, and values read from the database on each scrape."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

import redis.exceptions
import structlog
from prometheus_client import (
    CollectorRegistry,
    Gauge,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

from adapters import redis_connection
from app.telemetry.tallies import Distribution, Tally
from domain import errors
from jobs import reactions
from jobs.sinks import table
from persistence.delivery import cursors, mails, outbox
from persistence.engine import condition
from persistence.engine.database import Database
from persistence.operators import actions as operator_actions
from persistence.schedules import runs
from persistence.top_ups import attending, mismatches, reversals
from persistence.webhooks import deliveries

log = structlog.get_logger(__name__)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
#: The maximum age of values read from the queues, and the timeout for reading them.
_QUEUES_SECONDS = 5.0
_READ_SECONDS = 3.0
_BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


class Metrics:
    """One registry per process that answers requests. Labels come from our own small sets."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._operations = Tally(
            "wallet_operations",
            "Root fields answered, by outcome: ok, a refusal's type, or an error's code.",
            ["operation", "outcome"],
            registry=self.registry,
        )
        self._transfers = Tally(
            "wallet_transfers",
            "Commands to post transactions, by outcome.",
            ["outcome"],
            registry=self.registry,
        )
        self._requests = Distribution(
            "wallet_request_seconds",
            "Time to answer an HTTP request, by route.",
            ["route", "status"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._settling = Distribution(
            "wallet_settlement_commands",
            "Commands that shared a commit.",
            buckets=(1, 2, 5, 10, 20, 50),
            registry=self.registry,
        )
        self.sockets = self._gauge("wallet_sockets", "WebSockets open in this process.")
        self.subscriptions = self._gauge(
            "wallet_subscriptions", "Subscriptions open in this process."
        )
        self._add_services()
        self._outbox = self._gauge("wallet_outbox_rows", "Rows waiting for the relay.")
        self._set_aside = self._gauge(
            "wallet_outbox_rows_set_aside", "Rows that wait for a release that can read them."
        )
        self._relay_lag = self._gauge(
            "wallet_relay_lag_seconds", "Age of the oldest row waiting for the relay."
        )
        self._receivers_behind = self._gauge(
            "wallet_sink_receivers_behind",
            "Receivers that have not accepted all events, by sink.",
            ["sink"],
        )
        self._sink_lag = self._gauge(
            "wallet_sink_lag_seconds",
            "How long a receiver has accepted nothing though events wait for it, by sink.",
            ["sink"],
        )
        self._webhooks_failing = self._gauge(
            "wallet_webhooks_failing",
            "Webhooks whose endpoints did not acknowledge the last attempt.",
        )
        self._scheduled_lag = self._gauge(
            "wallet_scheduled_transfers_lag_seconds",
            "How long the run of a scheduled transfer that is due has not been attempted.",
        )
        self._add_top_ups_and_proposals()
        self._mails = self._gauge("wallet_mails", "Mails by state.", ["state"])
        self._jobs = self._gauge("wallet_jobs", "Jobs by queue and state.", ["queue", "state"])
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    def _add_services(self) -> None:
        self._up = self._gauge(
            "wallet_service_up",
            "1 if the service works: reachable, writable and migrated.",
            ["service"],
        )
        self._server = self._gauge(
            "wallet_database_server", "1 for the server that is in use.", ["server", "role"]
        )

    def _add_top_ups_and_proposals(self) -> None:
        self._proposals = self._gauge(
            "wallet_operator_proposals", "Proposals of operators that wait for a second operator."
        )
        self._top_ups_lag = self._gauge(
            "wallet_top_ups_lag_seconds",
            "How long the top-up that has been due longest has waited.",
        )
        self._top_up_mismatches = self._gauge(
            "wallet_top_up_mismatches",
            "Payments of the last 30 days that match no top-up and were not credited.",
        )
        self._top_up_shortfalls = self._gauge(
            "wallet_top_up_shortfalls", "Refunds and disputes that no balance covers."
        )

    def _gauge(self, name: str, text: str, labels: list[str] | None = None) -> Gauge:
        return Gauge(name, text, labels or [], registry=self.registry)

    # ------------------------------------------------ counted on each event

    def operation(self, name: str, outcome: str) -> None:
        """A root field was answered."""
        self._operations.count(name, outcome)

    def transfer(self, outcome: str) -> None:
        """A command to post a transaction was received."""
        self._transfers.count(outcome)

    def settling(self, commands: int) -> None:
        """The number of commands in one commit."""
        self._settling.observe(commands)

    def request(self, route: str, status: int, seconds: float) -> None:
        """An HTTP request was answered."""
        self._requests.observe(seconds, route, str(status))

    # ------------------------------------------------ read on each scrape

    async def render(self, database: Database, redis_url: str) -> bytes:
        """The metrics for Prometheus. A value that cannot be read in time keeps its last value, and its service is
        reported as 0.
        """
        async with self._reading:
            if time.monotonic() - self._read_at > _QUEUES_SECONDS:
                await asyncio.gather(
                    self._attempt("database", self._read_database(database)),
                    self._attempt("redis", self._read_redis(redis_url)),
                )
                self._read_at = time.monotonic()
        return generate_latest(self.registry)

    async def _attempt(self, service: str, reading: object) -> None:
        try:
            async with asyncio.timeout(_READ_SECONDS):
                await reading  # type: ignore[misc]
        except (errors.Unavailable, redis.exceptions.RedisError, OSError) as error:
            log.warning("queues could not be measured", service=service, error=repr(error))
            self._up.labels(service).set(0)
        else:
            self._up.labels(service).set(1)

    async def _read_database(self, database: Database) -> None:
        self._server.clear()
        backlog = await outbox.backlog(database)
        self._outbox.set(backlog.count)
        self._set_aside.set(backlog.set_aside)
        self._relay_lag.set(backlog.oldest_age_seconds)
        found = await cursors.lag(database)
        for name in {*found, *(sink.name for sink in table.SINKS)}:
            lag = found.get(name, cursors.NO_LAG)
            self._receivers_behind.labels(name).set(lag.receivers)
            self._sink_lag.labels(name).set(lag.oldest_age_seconds)
        self._webhooks_failing.set(await deliveries.count_failing(database))
        self._scheduled_lag.set(await runs.lag_seconds(database))
        self._top_ups_lag.set(await attending.lag_seconds(database))
        self._top_up_mismatches.set(await mismatches.count(database))
        self._top_up_shortfalls.set((await reversals.shortfall(database)).count)
        self._proposals.set(await operator_actions.waiting(database))
        counts: Mapping[str, int] = await mails.counts(database)
        for state, count in counts.items():
            self._mails.labels(state).set(count)
        looked = await condition.look(database)
        self._server.labels(looked.server, looked.server_role).set(1)
        trouble = looked.trouble or await condition.migration_trouble(database)
        if trouble is not None:
            raise errors.unavailable(trouble)

    async def _read_redis(self, redis_url: str) -> None:
        client = redis_connection.connect(redis_url, connections=1)
        try:
            for queue in reactions.QUEUES:
                async with client.pipeline(transaction=False) as pipeline:
                    pipeline.llen(f"rq:queue:{queue}")
                    for registry in ("wip", "scheduled", "failed"):
                        pipeline.zcard(f"rq:{registry}:{queue}")
                    queued, *others = await pipeline.execute()
                self._jobs.labels(queue, "queued").set(queued)
                for state, count in zip(("running", "scheduled", "failed"), others, strict=True):
                    self._jobs.labels(queue, state).set(count)
            await redis_connection.check_writes(client)
        finally:
            await client.aclose()
            await client.connection_pool.aclose()
