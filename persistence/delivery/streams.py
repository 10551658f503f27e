"""Streams: the numbered sequences of events of each user, and how they are read.

Numbers begin at 1 and have no gaps, so that a single number says which events have been seen.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

from domain.notifications.views import View
from persistence.engine.database import Database
from persistence.ledger import entry_views, history
from persistence.ledger.entry_views import EntryView
from persistence.notifications import notification_views

Event = TypeVar("Event")

#: The names of sinks that follow the notifications end with it; the others follow the entries.
NOTIFICATIONS_SUFFIX = "-notifications"

#: A user, and the number of the last event that has been seen.
Position = tuple[UUID, int]


@dataclass(frozen=True, slots=True)
class Stream(Generic[Event]):
    """One kind of stream; every user has one of it."""

    name: str
    #: The events after each of the positions, in order, at most that many for each. An event that this
    #: release cannot read is left out: the caller sees the gap. Raises Unavailable.
    after: Callable[
        [Database, Collection[Position], int], Awaitable[Mapping[Position, Sequence[Event]]]
    ]
    #: The number of each user's newest event. Raises Unavailable.
    newest: Callable[[Database, Collection[UUID]], Awaitable[Mapping[UUID, int]]]
    #: Of each user the number of the newest event, if it is newer than the given one. Raises Unavailable.
    newer: Callable[[Database, Mapping[UUID, int]], Awaitable[Mapping[UUID, int]]]
    #: The number of an event.
    number: Callable[[Event], int]
    #: The argument of subscriptions that takes the number of the last event received.
    argument: str
    #: What a number is, for messages: "the sequence of a transaction".
    what: str
    #: What the newest number is: "the sequence of the newest transaction".
    newest_what: str


def _sequence(view: EntryView) -> int:
    return view.entry.sequence


def _number(view: View) -> int:
    return view.notification.number


#: The entries of a user's ledger, numbered by their sequence.
ENTRIES: Stream[EntryView] = Stream(
    "entries",
    after=entry_views.after,
    newest=history.newest_sequences,
    newer=history.newer_sequences,
    number=_sequence,
    argument="afterSequence",
    what="the sequence of a transaction",
    newest_what="the sequence of the newest transaction",
)
#: The notifications of a user.
NOTIFICATIONS: Stream[View] = Stream(
    "notifications",
    after=notification_views.after,
    newest=notification_views.newest_numbers,
    newer=notification_views.newer_numbers,
    number=_number,
    argument="afterNumber",
    what="the number of a notification",
    newest_what="the number of the newest notification",
)
