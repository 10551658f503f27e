"""What a sink is: a kind of receiver, the stream that it follows, and how it is delivered to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from jobs.kinds import Job, Kind
from persistence.delivery.cursors import Receiver
from persistence.delivery.streams import Stream
from persistence.engine.database import Database
from settings import Settings

Event = TypeVar("Event")


class NotAccepted(Exception):
    """The receiver did not accept the next event; the text says why. It is tried again later."""


@dataclass(frozen=True, slots=True)
class Page(Generic[Event]):
    """The next events for a receiver, in order."""

    receiver: Receiver
    events: Sequence[Event]


async def one_per_user(
    _database: Database, user_ids: Collection[UUID]
) -> Mapping[UUID, Collection[UUID]]:
    """Each user has one receiver, which has the user's id."""
    return {user_id: (user_id,) for user_id in user_ids}


@dataclass(frozen=True, slots=True)
class Sink:
    """A row of the table of sinks (`jobs.sinks.table`). All else about a sink follows from it."""

    #: As in `delivery_cursors.sink`, metrics and logs: it stays the same for ever.
    name: str
    stream: Stream[Any]
    is_configured: Callable[[Settings], bool]
    #: Its jobs' queue: one of its own for a slow external system, so that workers can be kept for others.
    queue: str
    #: The dotted path of `async def deliver(services: JobServices, page: Page) -> AsyncIterator[int]`,
    #: which yields the number of each event once the receiver has accepted it and all before it. It may
    #: end early, and raises NotAccepted. A page has to take less than 15 seconds.
    deliver: str = ""
    #: The dotted path of the function that its jobs call, where that is not the one that calls `deliver`.
    function: str = "jobs.sinks.delivery.run"
    #: The ids of the receivers that each of those users has.
    receivers: Callable[
        [Database, Collection[UUID]], Awaitable[Mapping[UUID, Collection[UUID]]]
    ] = one_per_user
    #: Whether all receivers are reached through one server: while it fails, none of them is tried.
    has_one_server: bool = False
    page_events: int = 10
    #: A job ends after so many pages and queues another one, so that a receiver with very many events
    #: does not keep workers from all others.
    pages_a_job: int = 5
    timeout_seconds: int = 60
    #: The longest pause between two tries, while a receiver does not accept.
    longest_pause_seconds: float = 5.0

    @property
    def kind(self) -> Kind:
        """The kind of its jobs."""
        return Kind(
            name=f"deliver.{self.name}",
            function=self.function,
            queue=self.queue,
            timeout_seconds=self.timeout_seconds,
            under_way_seconds=self.timeout_seconds + 10,
            follows_itself=True,
            first_arguments=(self.name,),
        )

    def job(self, receiver: Receiver) -> Job:
        """The job that delivers what the receiver has not accepted yet; one per cursor at a time."""
        arguments = (str(receiver.user_id), str(receiver.receiver_id))
        return Job(f"{self.name}-{receiver.receiver_id}", self.kind, arguments)
