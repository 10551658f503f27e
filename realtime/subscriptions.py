"""Subscriptions to a user's stream: each event exactly once and in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Generic
from uuid import UUID

import structlog

from adapters import realtime
from domain import errors
from persistence.delivery.streams import Event, Position, Stream
from persistence.engine.database import Database
from persistence.engine.shared_calls import SharedCalls

log = structlog.get_logger()

_PAGE = 100
#: Users per query of the poll: a query of more than a few milliseconds would delay deliveries.
_USERS_AT_ONCE = 250
#: Pages per query, for the same reason.
_PAGES_AT_ONCE = 20


class Subscriptions(Generic[Event]):
    """All subscriptions to one kind of stream that are open in this process."""

    def __init__(
        self, database: Database, listening: realtime.Hints, stream: Stream[Event]
    ) -> None:
        self.stream = stream
        self._database = database
        self._listening = listening
        # Usually one of a user: a set would take 200 bytes.
        self._open: dict[UUID, tuple[Subscription[Event], ...]] = {}
        #: By user: the number after which an event is missing, once that has been logged.
        self._gaps: dict[UUID, int] = {}
        #: Combines the reads of concurrent subscriptions.
        self._pages: SharedCalls[Position, Sequence[Event]] = SharedCalls(self._read_pages)

    def __len__(self) -> int:
        return sum(len(subscriptions) for subscriptions in self._open.values())

    def close(self) -> None:
        """End all of them."""
        for subscription in [each for opened in self._open.values() for each in opened]:
            subscription.close()

    # ------------------------------------------------ news

    def has(self, user_id: UUID) -> bool:
        """Whether there is a subscription of that user."""
        return user_id in self._open

    def offer(self, user_id: UUID, event: Event) -> None:
        """This process has just committed this event."""
        for subscription in self._open.get(user_id, ()):
            subscription.offer(event)

    def hint(self, user_id: UUID, number: int) -> None:
        """A hint says that there is an event with that number."""
        for subscription in self._open.get(user_id, ()):
            subscription.hint(number)

    def doubt(self, user_id: UUID) -> None:
        """Hints may have been missed."""
        for subscription in self._open.get(user_id, ()):
            subscription.doubt()

    async def poll(self) -> None:
        """Find the subscriptions that are behind. Raises Unavailable."""
        listening = list(self._open)
        for start in range(0, len(listening), _USERS_AT_ONCE):
            page = listening[start : start + _USERS_AT_ONCE]
            seen = {user_id: self._seen(user_id) for user_id in page}
            newer = await self.stream.newer(self._database, seen)
            for user_id in page:
                for subscription in self._open.get(user_id, ()):
                    subscription.expect(newer.get(user_id, 0))

    def _seen(self, user_id: UUID) -> int:
        """The last event that all subscriptions of the user have."""
        return min((each.position for each in self._open.get(user_id, ())), default=0)

    # ------------------------------------------------ for subscriptions

    def register(self, subscription: Subscription[Event]) -> None:
        opened = self._open.get(subscription.user_id, ())
        self._open[subscription.user_id] = (*opened, subscription)
        self._listening.subscribe(subscription.user_id)

    def unregister(self, subscription: Subscription[Event]) -> None:
        opened = self._open.get(subscription.user_id, ())
        if subscription in opened:
            remaining = tuple(each for each in opened if each is not subscription)
            self._open[subscription.user_id] = remaining
            self._listening.unsubscribe(subscription.user_id)
            if not remaining:
                del self._open[subscription.user_id]
                self._gaps.pop(subscription.user_id, None)

    async def newest_number(self, user_id: UUID) -> int:
        """The number of the user's newest event; 0 before the first. Raises Unavailable."""
        return (await self.stream.newest(self._database, [user_id])).get(user_id, 0)

    async def read(self, user_id: UUID, after_number: int) -> Sequence[Event]:
        """The next page of a user's stream. Raises Unavailable."""
        position = (user_id, after_number)
        return (await self._pages.get([position])).get(position, ())

    async def _read_pages(
        self, positions: Collection[Position]
    ) -> Mapping[Position, Sequence[Event]]:
        asked = list(positions)
        pages: dict[Position, Sequence[Event]] = {}
        for start in range(0, len(asked), _PAGES_AT_ONCE):
            some = asked[start : start + _PAGES_AT_ONCE]
            pages.update(await self.stream.after(self._database, some, _PAGE))
        return pages

    def report_gap(self, user_id: UUID, after_number: int, found_number: int) -> None:
        """Log once that a stream cannot be read further; `./wallet audit` reports whether it is damaged.

        `found_number` is an event after the gap, or the user's newest number if there is none.
        """
        if self._gaps.get(user_id) != after_number:
            self._gaps[user_id] = after_number
            log.error(
                "a stream has a gap, or an event that this release cannot read: its subscribers wait",
                stream=self.stream.name,
                user_id=str(user_id),
                after_number=after_number,
                found_number=found_number,
            )


class Subscription(AsyncIterator[Event], Generic[Event]):
    """One subscriber's position in a user's stream: use `async for`, and `aclose` at the end.

    It only ever yields the successor of the previous event, whether this process committed it or it was
    read from the database. This alone guarantees that each event arrives exactly once and in order.
    Everything else only causes a read: a hint, a poll that found more, an event that is not the
    successor, a full buffer.
    """

    __slots__ = (
        "_closed",
        "_known",
        "_must_read",
        "_position",
        "_ready",
        "_started",
        "_subscriptions",
        "_waiter",
        "user_id",
    )

    def __init__(
        self, subscriptions: Subscriptions[Event], user_id: UUID, after_number: int | None
    ) -> None:
        self.user_id = user_id
        self._subscriptions = subscriptions
        #: The number of the last event in `_ready`, or else of the last one yielded; None until known.
        self._position = after_number
        #: The newest number that the database has reported.
        self._known = 0
        self._ready: list[Event] = []
        self._must_read = after_number is not None
        self._started = False
        self._closed = False
        self._waiter: asyncio.Future[None] | None = None

    @property
    def position(self) -> int:
        """The number of the last event that needs no read; 0 until known."""
        return self._position or 0

    async def start(self) -> None:
        """Subscribe from now on.

        Raises BadUserInput for a number beyond the end of the stream, or Unavailable.
        """
        if self._position is not None and self._position < 0:
            stream = self._subscriptions.stream
            raise errors.BadUserInput(f"`{stream.argument}` must be 0 or {stream.what}.")
        self._started = True
        self._subscriptions.register(self)
        try:
            newest = await self._subscriptions.newest_number(self.user_id)
            if self._position is not None and self._position > newest:
                stream = self._subscriptions.stream
                raise errors.BadUserInput(
                    f"`{stream.argument}` is greater than {stream.newest_what}, which is {newest}."
                )
        except BaseException:
            self.close()
            raise
        self._known = newest
        # A hint received in the meantime may be newer than that: then `_must_read` is set.
        if self._position is None:
            self._position = newest

    async def __anext__(self) -> Event:
        if not self._started:
            await self.start()
        while not self._closed:
            if self._ready:
                return self._ready.pop(0)
            if self._must_read:
                try:
                    await self._read()
                    continue
                except errors.Unavailable:
                    # The next successful poll wakes it.
                    self._must_read = True
            if not self._closed:
                self._waiter = asyncio.get_running_loop().create_future()
                try:
                    await self._waiter
                finally:
                    self._waiter = None
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """End the subscription; a waiting `__anext__` ends at once."""
        self.close()

    def close(self) -> None:
        """`aclose` for callers that cannot await."""
        self._closed = True
        self._subscriptions.unregister(self)
        self._wake()

    def offer(self, event: Event) -> None:
        """This process has just committed this event."""
        self._append(event)
        self._wake()

    def hint(self, number: int) -> None:
        """A hint, which may be false, says that there is an event with that number."""
        if self._position is None or number > self._position:
            self._must_read = True
            self._wake()

    def doubt(self) -> None:
        """Hints may have been missed."""
        self._must_read = True
        self._wake()

    def expect(self, number: int) -> None:
        """The database has reported this as the newest number, or 0: nothing newer than the position."""
        self._known = max(self._known, number)
        if self._position is not None and number > self._position:
            self._must_read = True
        if self._must_read:
            self._wake()

    def _append(self, event: Event) -> None:
        number = self._subscriptions.stream.number(event)
        if self._position is None or number > self._position + 1 or len(self._ready) >= _PAGE:
            self._must_read = True
        elif number == self._position + 1:
            self._position = number
            self._ready.append(event)

    async def _read(self) -> None:
        assert self._position is not None
        # Hints during the read set it again.
        self._must_read = False
        position, known = self._position, self._known
        page = await self._subscriptions.read(self.user_id, position)
        found = self._subscriptions.stream.number(page[0]) if page else known
        if found > position + 1 or (found > position and not page):
            # Nothing beyond a gap is yielded. The next poll causes another read.
            self._subscriptions.report_gap(self.user_id, position, found)
            return
        for event in page:
            self._append(event)
        if len(page) == _PAGE:
            self._must_read = True

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
