"""A sink with several receivers per user, for tests: it records what it delivers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from uuid import UUID

from jobs.services import JobServices
from jobs.sinks.sink import NotAccepted, Page, Sink
from persistence.delivery import streams
from persistence.engine.database import Database
from persistence.ledger.entry_views import EntryView

#: What each receiver has accepted.
accepted: dict[UUID, list[int]] = {}
#: The receivers of each user.
subscribed: dict[UUID, list[UUID]] = {}
#: Receivers that accept no more than so many events.
limits: dict[UUID, int] = {}


async def receivers(
    _database: Database, user_ids: Collection[UUID]
) -> Mapping[UUID, Collection[UUID]]:
    return {user_id: subscribed[user_id] for user_id in user_ids if user_id in subscribed}


async def deliver(_services: JobServices, page: Page[EntryView]) -> AsyncIterator[int]:
    taken = accepted.setdefault(page.receiver.receiver_id, [])
    for view in page.events:
        if len(taken) == limits.get(page.receiver.receiver_id):
            raise NotAccepted("the receiver is full")
        taken.append(view.entry.sequence)
        yield view.entry.sequence


SINK = Sink(
    name="recording",
    stream=streams.ENTRIES,
    deliver="tests.jobs.recording.deliver",
    is_configured=lambda _settings: True,
    queue="push",
    receivers=receivers,
    page_events=4,
    pages_a_job=2,
    longest_pause_seconds=3600,
)
