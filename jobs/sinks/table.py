"""The table of sinks. Jobs, queues, metrics and `doctor` follow it: a sink is added by a row here."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from uuid import UUID

from domain.webhooks import WebhookStream
from jobs.sinks.sink import Sink
from persistence.delivery import streams
from persistence.engine.database import Database
from persistence.webhooks import deliveries, rows
from settings import Settings


async def _webhooks(
    stream: WebhookStream, database: Database, user_ids: Collection[UUID]
) -> Mapping[UUID, Collection[UUID]]:
    return await deliveries.receivers(database, stream, user_ids)


SINKS = (
    Sink(
        name="pusher",
        stream=streams.ENTRIES,
        deliver="jobs.sinks.pusher.deliver_entries",
        is_configured=lambda settings: settings.pusher_configured,
        queue="push",
        has_one_server=True,
    ),
    Sink(
        name="pusher-notifications",
        stream=streams.NOTIFICATIONS,
        deliver="jobs.sinks.pusher.deliver_notifications",
        is_configured=lambda settings: settings.pusher_configured,
        queue="push",
        has_one_server=True,
    ),
    *(
        Sink(
            name=rows.SINK_NAMES[stream],
            stream=deliveries.STREAMS[stream],
            function="jobs.sinks.webhooks.run",
            is_configured=lambda _settings: True,
            queue="webhooks",
            receivers=partial(_webhooks, stream),
            longest_pause_seconds=60.0,
        )
        for stream in deliveries.STREAMS
    ),
)


def by_name(name: str) -> Sink:
    """Raises KeyError for a sink that this release does not know."""
    return {sink.name: sink for sink in SINKS}[name]


def configured(settings: Settings) -> Sequence[Sink]:
    """The sinks that events are delivered to."""
    return [sink for sink in SINKS if sink.is_configured(settings)]
