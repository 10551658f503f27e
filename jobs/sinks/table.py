"""The table of sinks. Jobs, queues, metrics and `doctor` follow it: a sink is added by a row here."""

from __future__ import annotations

from collections.abc import Sequence

from jobs.sinks.sink import Sink
from persistence.delivery import streams
from settings import Settings

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
)


def by_name(name: str) -> Sink:
    """Raises KeyError for a sink that this release does not know."""
    return {sink.name: sink for sink in SINKS}[name]


def configured(settings: Settings) -> Sequence[Sink]:
    """The sinks that events are delivered to."""
    return [sink for sink in SINKS if sink.is_configured(settings)]
