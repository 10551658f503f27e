"""What each kind of event leads to after its commit: hints, and the table of reactions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from adapters import hints, realtime
from domain import events
from jobs import due_work
from jobs.kinds import Job, Kind
from jobs.sinks import table
from jobs.sinks.sink import Sink
from persistence.delivery import streams
from persistence.delivery.cursors import Due, Receiver
from persistence.delivery.outbox import OutboxRow
from persistence.delivery.streams import Stream
from persistence.engine.database import Database

_DUE = [work.kind for work in due_work.TABLE]
#: The jobs that workers may run, by name.
KINDS: Mapping[str, Kind] = {
    kind.name: kind for kind in (*(sink.kind for sink in table.SINKS), *_DUE)
}
#: Every queue; a worker takes jobs from its queues in turn.
QUEUES: Sequence[str] = tuple(dict.fromkeys(kind.queue for kind in KINDS.values()))


def queues_of(sinks: Sequence[Sink]) -> Sequence[str]:
    """The queues that have jobs while those sinks are configured."""
    kinds = (*(sink.kind for sink in sinks), *_DUE)
    return tuple(dict.fromkeys(kind.queue for kind in kinds))


@dataclass(frozen=True, slots=True)
class Relaying:
    """What reactions work with."""

    database: Database
    #: The sinks that are configured.
    sinks: Sequence[Sink]


@dataclass(frozen=True, slots=True)
class Consequences:
    """What is to be done after some events, besides what a reaction has done itself."""

    jobs: Sequence[Job] = ()
    #: Who is behind from now on.
    due: Sequence[Due] = ()


#: Reacts to rows of the outbox whose events are of one kind. Everything may be done twice.
Reaction = Callable[[Relaying, Sequence[OutboxRow]], Awaitable[Consequences]]


def deliver(stream: Stream[Any], number: Callable[[events.Event], int | None]) -> Reaction:
    """Deliver the events to the receivers of every sink that follows the stream."""

    async def react(relaying: Relaying, rows: Sequence[OutboxRow]) -> Consequences:
        newest: dict[UUID, int] = {}
        for row in rows:
            # An entry may announce no notification.
            if (found_number := number(row.event)) is not None:
                newest[row.user_id] = max(newest.get(row.user_id, 0), found_number)
        if not newest:
            return Consequences()
        jobs: list[Job] = []
        due: list[Due] = []
        for sink in relaying.sinks:
            if sink.stream is not stream:
                continue
            found = await sink.receivers(relaying.database, newest)
            for user_id, receiver_ids in found.items():
                for receiver_id in receiver_ids:
                    receiver = Receiver(sink.name, user_id, receiver_id)
                    jobs.append(sink.job(receiver))
                    due.append(Due(receiver, newest[user_id]))
        return Consequences(jobs, due)

    return react


async def send_mails(_relaying: Relaying, rows: Sequence[OutboxRow]) -> Consequences:
    """Send the mails that were requested."""
    return Consequences(
        [
            due_work.MAILS.job(row.user_id, row.event.mail_id)
            for row in rows
            if isinstance(row.event, events.MailRequested)
        ]
    )


def _sequence(event: events.Event) -> int:
    assert isinstance(event, events.TransactionPosted)
    return event.sequence


def _notification_number(event: events.Event) -> int | None:
    if isinstance(event, events.TransactionPosted):
        return event.notification_number
    assert isinstance(event, events.NotificationCreated)
    return event.number


_deliver_notifications = deliver(streams.NOTIFICATIONS, _notification_number)

#: By kind of event. One that leads to nothing, or to hints only, has an empty row.
REACTIONS: Mapping[type[object], Sequence[Reaction]] = {
    events.TransactionPosted: (deliver(streams.ENTRIES, _sequence), _deliver_notifications),
    events.NotificationCreated: (_deliver_notifications,),
    events.MailRequested: (send_mails,),
    events.CredentialsEnded: (),
    events.NothingHappened: (),
}


async def tell(listeners: realtime.Hints, rows: Sequence[OutboxRow]) -> None:
    """Publish hints to the processes that listen, in one round trip. Raises `redis_connection.AWAY`."""
    told = [(row.user_id, row.event) for row in rows if isinstance(row.event, hints.Hint)]
    if told:
        await listeners.publish(told)


async def react(relaying: Relaying, rows: Sequence[OutboxRow]) -> Consequences:
    """Do what the rows lead to besides hints. Raises Unavailable, or one of `redis_connection.AWAY`."""
    jobs: list[Job] = []
    due: list[Due] = []
    for kind, reactions in REACTIONS.items():
        chosen = [row for row in rows if isinstance(row.event, kind)]
        for reaction in reactions if chosen else ():
            consequences = await reaction(relaying, chosen)
            jobs += consequences.jobs
            due += consequences.due
    return Consequences(jobs, due)
