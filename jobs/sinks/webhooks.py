"""The sinks for webhooks: the events of a user's streams, to endpoints that users choose.

Endpoints can be slow, so that many deliveries are under way at once, each beside the others. Nothing that
matters is in memory: a webhook is leased in the database, and the time of the next attempt is there too.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

import structlog

from adapters import redis_connection
from adapters.webhook_endpoints import Endpoints
from application import webhook_payloads
from application.webhook_payloads import Documents, NotRendered
from domain import errors, webhooks
from domain.encryption import Keyring
from domain.webhooks import Outcome
from jobs.queue import JobQueue
from jobs.services import current_bench
from jobs.sinks import delivery, table
from jobs.sinks.sink import Sink
from jobs.spans import NO_SPANS, Spans
from persistence.delivery import epochs
from persistence.delivery.cursors import Receiver
from persistence.engine.database import Database
from persistence.webhooks import deliveries, secrets
from persistence.webhooks.deliveries import Lease, Recorded
from settings import Settings

log = structlog.get_logger()

#: Longer than an attempt and the recording of it take.
LEASE_SECONDS = 25.0
#: What has to be left of a lease when a request is sent: it must not arrive after the lease has ended,
#: when another job may have delivered later events.
_SENDING_SECONDS = webhooks.ATTEMPT_SECONDS + 1.0
_RECORDING_ATTEMPTS = 3
_POOL_SIZE = 8


@dataclass(frozen=True, slots=True)
class Delivering:
    """What deliveries use."""

    database: Database
    #: Where a webhook with more events gets another job.
    jobs: JobQueue
    endpoints: Endpoints
    documents: Documents
    keys: Keyring
    spans: Spans = NO_SPANS
    lease_seconds: float = LEASE_SECONDS


class _LeaseTooShort(Exception):
    """What is left of the lease is too short for an attempt; nothing was sent."""


class _Turn:
    """A lease, and until when it certainly lasts."""

    def __init__(self, leased: Lease, lasts_until: float) -> None:
        self.leased = leased
        #: By `time.monotonic`.
        self.lasts_until = lasts_until

    def check(self) -> None:
        """Raises _LeaseTooShort."""
        if self.lasts_until - time.monotonic() < _SENDING_SECONDS:
            raise _LeaseTooShort


@contextlib.asynccontextmanager
async def opened(
    settings: Settings,
    make_documents: Callable[[Database], Documents],
    spans: Spans = NO_SPANS,
) -> AsyncIterator[Delivering]:
    """Open what the settings describe."""
    url = settings.database_url.get_secret_value()
    database = await Database.open(url, pool_size=_POOL_SIZE)
    jobs = JobQueue(settings.redis_url.get_secret_value())
    endpoints = Endpoints.of(settings)
    try:
        keys = secrets.keyring(settings.jwt_secrets)
        yield Delivering(database, jobs, endpoints, make_documents(database), keys, spans)
    finally:
        endpoints.close()
        jobs.close()
        await database.close()


def run(sink: str, user_id: str, receiver_id: str) -> None:
    """What RQ calls: start delivering. If too much is under way, the relay asks again."""
    receiver = Receiver(sink, UUID(user_id), UUID(receiver_id))
    if not current_bench.get().background.start(partial(deliver, receiver=receiver)):
        log.warning("a delivery waits: too many are under way")


async def deliver(services: Delivering, receiver: Receiver) -> None:
    """Deliver the events after the webhook's cursor, each once the one before it was acknowledged.

    Ends where the endpoint does not acknowledge an event, and where nothing is due. Where there are more
    events than one job takes, another one is queued for them.
    """
    sink = table.by_name(receiver.sink)
    for _ in range(sink.pages_a_job):
        if not await _deliver_page(services, sink, receiver):
            return
    # If Redis is unavailable, the relay queues it later, because the webhook is behind.
    with contextlib.suppress(*redis_connection.AWAY):
        await asyncio.to_thread(services.jobs.put, [sink.job(receiver)])


async def _deliver_page(services: Delivering, sink: Sink, receiver: Receiver) -> bool:
    """Whether there are more events that can be delivered now."""
    lasts_until = time.monotonic() + services.lease_seconds
    leased = await deliveries.lease(services.database, receiver, services.lease_seconds)
    if leased is None:
        return False
    turn = _Turn(leased, lasts_until)
    number = leased.webhook.delivered_through
    try:
        events = await delivery.next_events(services.database, sink, receiver, number)
        if not events:
            return False
        for event in events:
            number = sink.stream.number(event)
            if not await _deliver_event(services, sink, turn, number, event):
                return False
    except _LeaseTooShort:
        log.warning(
            "a delivery was put off: too little is left of its lease",
            user_id=str(receiver.user_id),
            webhook_id=str(receiver.receiver_id),
        )
        return False
    finally:
        await asyncio.shield(deliveries.release(services.database, leased))
    # After the release: the job of an event that was posted before found the webhook leased.
    newest = await sink.stream.newest(services.database, [receiver.user_id])
    return newest.get(receiver.user_id, 0) > number


async def _deliver_event(
    services: Delivering, sink: Sink, turn: _Turn, number: int, event: Any
) -> bool:
    """Whether the event was acknowledged and the next one may follow. Raises _LeaseTooShort."""
    leased = turn.leased
    with services.spans.delivering(sink.name, 1) as fail:
        outcome = await _attempt(services, turn, number, event)
        if not outcome.is_delivered:
            fail()
    if outcome.is_delivered:

        async def record() -> Recorded:
            lasts_until = time.monotonic() + services.lease_seconds
            recorded = await deliveries.delivered(
                services.database, leased, number, outcome, services.lease_seconds
            )
            turn.lasts_until = lasts_until
            return recorded

        recorded = await _recorded(record)
    else:
        recorded = await _recorded(
            lambda: deliveries.failed(services.database, leased, number, outcome)
        )
        log.info(
            "a webhook did not acknowledge an event",
            user_id=str(leased.webhook.user_id),
            webhook_id=str(leased.webhook.webhook_id),
            number=number,
            status=outcome.status,
            is_disabled=recorded.is_disabled,
        )
    return recorded.goes_on


async def _attempt(services: Delivering, turn: _Turn, number: int, event: Any) -> Outcome:
    webhook = turn.leased.webhook
    try:
        rendered = await services.documents.render(webhook, event)
    except NotRendered as error:
        return _not_sent(str(error))
    epoch = await epochs.current(services.database)
    body = webhook_payloads.body(webhook, rendered, epoch)
    signing = await secrets.read(
        services.database, services.keys, webhook.user_id, webhook.webhook_id
    )
    if not signing:
        log.error(
            "a webhook has no secret that can be decrypted: was JWT_SECRET replaced too early?",
            user_id=str(webhook.user_id),
            webhook_id=str(webhook.webhook_id),
        )
        return _not_sent(webhooks.SECRET_UNREADABLE)
    event_id = webhooks.event_id(webhook.webhook_id, number, epoch.restored_id)
    headers = webhooks.signed_headers(signing, event_id, datetime.now(UTC), body)
    turn.check()
    outcome = await services.endpoints.post(webhook.url, headers, body.encode())
    return replace(outcome, epoch_id=epoch.restored_id)


def _not_sent(why: str) -> Outcome:
    return Outcome(datetime.now(UTC), 0, None, why[: webhooks.DETAIL_MAXIMUM_CHARACTERS])


async def _recorded(record: Callable[[], Awaitable[Recorded]]) -> Recorded:
    """Record an attempt; a database that is away for a moment does not lose an acknowledgement."""
    for _ in range(_RECORDING_ATTEMPTS - 1):
        try:
            return await record()
        except errors.Unavailable:
            await asyncio.sleep(1.0)
    return await record()
