"""Streams of ledger entries: each exactly once and in sequence, however the news arrives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from uuid import UUID

import structlog

from adapters import realtime
from domain import errors
from persistence.engine.database import Database
from persistence.engine.shared_calls import SharedCalls
from persistence.ledger import entry_views, history
from persistence.ledger.entry_views import EntryView, Position

log = structlog.get_logger()

_PAGE = 100
#: Asked about in one query of the poll: what takes longer than a few milliseconds holds up deliveries.
_PEOPLE_AT_ONCE = 250
#: Whose pages are read in one query, for the same reason.
_PAGES_AT_ONCE = 20


class Streams:
    """All that are open in this process."""

    def __init__(self, database: Database, listening: realtime.Hints) -> None:
        self._database = database
        self._listening = listening
        self._open: dict[UUID, set[Stream]] = {}
        #: After which entry the ledger of a listener misses the next one, where that has been told.
        self._gaps: dict[UUID, int] = {}
        #: The pages of all streams that read at the same time, read together.
        self._pages: SharedCalls[Position, list[EntryView]] = SharedCalls(self._read_pages)

    def __len__(self) -> int:
        return sum(len(streams) for streams in self._open.values())

    def close(self) -> None:
        """End every one of them."""
        for stream in [stream for streams in self._open.values() for stream in streams]:
            stream.close()

    # ------------------------------------------------ news

    def offer(self, user_id: UUID, view: EntryView) -> None:
        """This entry was committed just now, through this process."""
        for stream in self._open.get(user_id, ()):
            stream.offer(view)

    def hint(self, user_id: UUID, sequence: int) -> None:
        """Somebody says that there is an entry of that sequence."""
        for stream in self._open.get(user_id, ()):
            stream.hint(sequence)

    def doubt(self, user_id: UUID) -> None:
        """Something may have been missed."""
        for stream in self._open.get(user_id, ()):
            stream.doubt()

    async def poll(self) -> None:
        """Ask how far the ledgers of all listeners go. Raises Unavailable."""
        listening = list(self._open)
        for start in range(0, len(listening), _PEOPLE_AT_ONCE):
            page = listening[start : start + _PEOPLE_AT_ONCE]
            newest = await history.newest_sequences(self._database, page)
            for user_id, sequence in newest.items():
                for stream in self._open.get(user_id, ()):
                    stream.expect(sequence)

    # ------------------------------------------------ for a stream

    def register(self, stream: Stream) -> None:
        self._open.setdefault(stream.user_id, set()).add(stream)
        self._listening.subscribe(stream.user_id)

    def unregister(self, stream: Stream) -> None:
        streams = self._open.get(stream.user_id, set())
        if stream in streams:
            streams.remove(stream)
            self._listening.unsubscribe(stream.user_id)
            if not streams:
                del self._open[stream.user_id]
                self._gaps.pop(stream.user_id, None)

    async def newest_sequence(self, user_id: UUID) -> int:
        return (await history.newest_sequences(self._database, [user_id])).get(user_id, 0)

    async def read(self, user_id: UUID, after_sequence: int) -> list[EntryView]:
        """The next page of a ledger. Raises Unavailable."""
        position = (user_id, after_sequence)
        return (await self._pages.get([position])).get(position, [])

    async def _read_pages(self, positions: Collection[Position]) -> dict[Position, list[EntryView]]:
        asked, pages = list(positions), {}
        for start in range(0, len(asked), _PAGES_AT_ONCE):
            some = asked[start : start + _PAGES_AT_ONCE]
            pages.update(await entry_views.after(self._database, some, limit=_PAGE))
        return pages

    def tell_of_gap(self, user_id: UUID, after_sequence: int, found_sequence: int) -> None:
        """Log once that the ledger cannot be read further: `./wallet audit` says whether it is damaged.

        `found_sequence` is an entry after the gap, or the user's newest sequence where there is none.
        """
        if self._gaps.get(user_id) != after_sequence:
            self._gaps[user_id] = after_sequence
            log.error(
                "a ledger has a gap, or an entry of a kind that this release does not know: "
                "its listeners wait",
                user_id=str(user_id),
                after_sequence=after_sequence,
                found_sequence=found_sequence,
            )


class Stream(AsyncIterator[EntryView]):
    """One listener's place in a ledger: `async for`, and `aclose` at the end.

    What is passed on is always the very next entry, whether this process committed it or the ledger was
    read: that alone is why each comes exactly once and in sequence. Everything else is only a reason to
    read: a hint, a poll that knows of more, an entry that is not the next one, one too many.
    """

    __slots__ = (
        "_closed",
        "_known",
        "_must_read",
        "_position",
        "_ready",
        "_started",
        "_streams",
        "_waiter",
        "user_id",
    )

    def __init__(self, streams: Streams, user_id: UUID, after_sequence: int | None) -> None:
        self.user_id = user_id
        self._streams = streams
        #: The newest entry in `_ready` or passed on; None until it is known.
        self._position = after_sequence
        #: How far the ledger goes at least, as the database said.
        self._known = 0
        self._ready: list[EntryView] = []
        self._must_read = after_sequence is not None
        self._started = False
        self._closed = False
        self._waiter: asyncio.Future[None] | None = None

    async def start(self) -> None:
        """Listen from now on. Raises BadUserInput for a sequence that the ledger does not have, and
        Unavailable."""
        if self._position is not None and self._position < 0:
            raise errors.BadUserInput("`afterSequence` must be 0 or the sequence of a transaction.")
        self._started = True
        self._streams.register(self)
        try:
            newest = await self._streams.newest_sequence(self.user_id)
            if self._position is not None and self._position > newest:
                raise errors.BadUserInput(
                    f"`afterSequence` is greater than the sequence of the newest transaction, which is {newest}."
                )
        except BaseException:
            self.close()
            raise
        self._known = newest
        # What was told of meanwhile may be past the newest: then it has to be read.
        if self._position is None:
            self._position = newest

    async def __anext__(self) -> EntryView:
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
                    # The next poll that succeeds wakes whoever must still read.
                    self._must_read = True
            if not self._closed:
                self._waiter = asyncio.get_running_loop().create_future()
                try:
                    await self._waiter
                finally:
                    self._waiter = None
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Listen no more; a waiting `__anext__` ends at once."""
        self.close()

    def close(self) -> None:
        """`aclose`, for those who cannot wait."""
        self._closed = True
        self._streams.unregister(self)
        self._wake()

    def offer(self, view: EntryView) -> None:
        """This entry was committed just now."""
        self._append(view)
        self._wake()

    def hint(self, sequence: int) -> None:
        """Somebody says that there is an entry of that sequence; it may be true."""
        if self._position is None or sequence > self._position:
            self._must_read = True
            self._wake()

    def doubt(self) -> None:
        """Something may have been missed."""
        self._must_read = True
        self._wake()

    def expect(self, sequence: int) -> None:
        """The ledger goes up to there, as the database said."""
        self._known = max(self._known, sequence)
        if self._position is not None and sequence > self._position:
            self._must_read = True
        if self._must_read:
            self._wake()

    def _append(self, view: EntryView) -> None:
        sequence = view.entry.sequence
        if self._position is None or sequence > self._position + 1 or len(self._ready) >= _PAGE:
            self._must_read = True
        elif sequence == self._position + 1:
            self._position = sequence
            self._ready.append(view)

    async def _read(self) -> None:
        assert self._position is not None
        # What is told of meanwhile counts: it has the ledger read again.
        self._must_read = False
        position, known = self._position, self._known
        page = await self._streams.read(self.user_id, position)
        found = page[0].entry.sequence if page else known
        if found > position + 1 or (found > position and not page):
            # Nothing is passed on beyond a gap. The next poll has it read again.
            self._streams.tell_of_gap(self.user_id, position, found)
            return
        for view in page:
            self._append(view)
        if len(page) == _PAGE:
            self._must_read = True

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
