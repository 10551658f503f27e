"""The job that delivers to one receiver of a sink what it has not accepted yet, in order."""

from __future__ import annotations

import asyncio
import contextlib
import pkgutil
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any
from uuid import UUID

import structlog

from adapters import redis_connection
from jobs.services import JobServices, current_bench
from jobs.sinks import table
from jobs.sinks.sink import NotAccepted, Page, Sink
from persistence.delivery import cursors
from persistence.delivery.cursors import Receiver
from persistence.engine.database import Database

log = structlog.get_logger()


def run(sink: str, user_id: str, receiver_id: str) -> None:
    """What RQ calls."""
    bench = current_bench.get()
    bench.run(deliver(bench.services, Receiver(sink, UUID(user_id), UUID(receiver_id))))


async def deliver(services: JobServices, receiver: Receiver) -> None:
    """Deliver the events after the receiver's cursor, which moves after each acceptance.

    Where there are more than one job takes, another one is queued for them. Where the receiver does not
    accept, or the next event cannot be read, the cursor stays, and the relay asks again later.
    """
    sink = table.by_name(receiver.sink)
    if sink not in services.sinks or services.breaker(sink.name).is_open:
        return
    for _ in range(sink.pages_a_job):
        if not await _deliver_page(services, sink, receiver):
            return
    # If Redis is unavailable, the relay queues it later, because the receiver is behind.
    with contextlib.suppress(*redis_connection.AWAY):
        await asyncio.to_thread(services.jobs.put, [sink.job(receiver)])


async def _deliver_page(services: JobServices, sink: Sink, receiver: Receiver) -> bool:
    """Whether there may be more that can be delivered now."""
    async with cursors.take(services.database, receiver) as cursor:
        before = cursor.accepted_number
        events = await next_events(services.database, sink, receiver, before)
        if not events:
            return False
        deliver_page: Callable[..., AsyncIterator[int]] = pkgutil.resolve_name(sink.deliver)
        breaker = services.breaker(sink.name) if sink.has_one_server else None
        delivering = services.spans.delivering(sink.name, len(events))
        accepting = contextlib.aclosing(deliver_page(services, Page(receiver, events)))  # type: ignore[type-var]
        try:
            with delivering:
                async with accepting as accepted:
                    async for number in accepted:
                        if breaker is not None:
                            breaker.worked()
                        await cursor.advance(number)
        except NotAccepted as error:
            if breaker is not None:
                breaker.failed()
            log.warning(
                "a receiver did not accept events: they are tried again",
                reason=str(error),
                after_number=cursor.accepted_number,
                **_names(receiver),
            )
            return False
        is_whole = cursor.accepted_number == sink.stream.number(events[-1])
        return cursor.accepted_number > before and (not is_whole or len(events) == sink.page_events)


async def next_events(
    database: Database, sink: Sink, receiver: Receiver, after_number: int
) -> Sequence[Any]:
    """The next events without a gap. One that cannot be read is reported: it and those after it wait."""
    user_id = receiver.user_id
    # Before the page: what is committed in between is not missing from it.
    newest = (await sink.stream.newest(database, [user_id])).get(user_id, 0)
    if newest <= after_number:
        return ()
    position = (user_id, after_number)
    pages = await sink.stream.after(database, [position], sink.page_events)
    readable = [
        event
        for expected, event in enumerate(pages.get(position, ()), start=after_number + 1)
        if sink.stream.number(event) == expected
    ]
    if len(readable) < min(sink.page_events, newest - after_number):
        log.error(
            "a delivery waits: this release cannot read an event",
            stream=sink.stream.name,
            number=after_number + len(readable) + 1,
            **_names(receiver),
        )
    return readable


def _names(receiver: Receiver) -> dict[str, str]:
    return {
        "sink": receiver.sink,
        "user_id": str(receiver.user_id),
        "receiver_id": str(receiver.receiver_id),
    }
