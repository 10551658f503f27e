"""Streams of the lines of a book: each line exactly once and in sequence, however the news arrives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import structlog

from adapters import hints, realtime
from domain import errors
from persistence import accounts, history
from persistence.database import Database

log = structlog.get_logger()

_PAGE = 100
#: Asked about in one query of the poll: what takes longer than a few milliseconds holds up deliveries.
_PEOPLE_AT_ONCE = 250
#: How many streams read their books at once; the other connections are for requests.
_READERS = 4


class Streams:
    """All that are open in this process."""

    def __init__(self, database: Database, listening: realtime.Hints) -> None:
        self._database = database
        self._listening = listening
        self._open: dict[UUID, set[Stream]] = {}
        #: After which line the book of a listener misses the next one, where that has been told.
        self._gaps: dict[UUID, int] = {}
        self._readers = asyncio.Semaphore(_READERS)

    def __len__(self) -> int:
        return sum(len(streams) for streams in self._open.values())

    def close(self) -> None:
        """End every one of them."""
        for stream in [stream for streams in self._open.values() for stream in streams]:
            stream.close()

    # ------------------------------------------------ news

    def offer(self, user_id: UUID, posted: hints.Posted) -> None:
        """A hint has come."""
        for stream in self._open.get(user_id, ()):
            stream.offer(posted)

    def doubt(self, user_id: UUID) -> None:
        """Something may have been missed."""
        for stream in self._open.get(user_id, ()):
            stream.doubt()

    async def poll(self) -> None:
        """Ask how far the books of all listeners go. Raises Unavailable."""
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

    async def read(self, user_id: UUID, after_sequence: int) -> list[hints.Posted]:
        """The next page of a book, with whom its lines name as they are now."""
        async with self._readers:
            lines = await history.lines_after(self._database, user_id, after_sequence, limit=_PAGE)
            named = {line.counterparty_id for line in lines if line.counterparty_id is not None}
            people = await accounts.people(self._database, named) if named else {}
        return [
            hints.Posted(line, people.get(line.counterparty_id) if line.counterparty_id else None)
            for line in lines
        ]

    def tell_of_gap(self, user_id: UUID, after_sequence: int, found_sequence: int) -> None:
        """Log once that the book is damaged: `./wallet audit` says more."""
        if self._gaps.get(user_id) != after_sequence:
            self._gaps[user_id] = after_sequence
            log.error(
                "a book has a gap: its listeners wait until it is filled",
                user_id=str(user_id),
                after_sequence=after_sequence,
                found_sequence=found_sequence,
            )


class Stream(AsyncIterator[hints.Posted]):
    """One listener's place in a book: `async for`, and `aclose` at the end.

    What is passed on is always the very next line, whether a hint brought it or the book: that alone is
    why each comes exactly once and in sequence. A hint that is not the next one, one too many, and a
    poll that knows of more all mean the same: read the book.
    """

    __slots__ = (
        "_closed",
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
        #: The newest line in `_ready` or passed on; None until it is known.
        self._position = after_sequence
        self._ready: list[hints.Posted] = []
        self._must_read = True
        self._started = False
        self._closed = False
        self._waiter: asyncio.Future[None] | None = None

    async def start(self) -> None:
        """Listen from now on. Raises BadUserInput for a place that is not in the book, Unavailable."""
        if self._position is not None and self._position < 0:
            raise errors.BadUserInput("`afterSequence` takes 0 or the number of a transaction.")
        self._started = True
        self._streams.register(self)
        try:
            newest = await self._streams.newest_sequence(self.user_id)
            if self._position is not None and self._position > newest:
                raise errors.BadUserInput(
                    f"`afterSequence` is past the newest transaction, which is number {newest}."
                )
        except BaseException:
            self.close()
            raise
        if self._position is None:
            self._position = newest
            self._must_read = False

    async def __anext__(self) -> hints.Posted:
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

    def offer(self, posted: hints.Posted) -> None:
        """A hint has come."""
        self._append(posted)
        self._wake()

    def doubt(self) -> None:
        """Something may have been missed."""
        self._must_read = True
        self._wake()

    def expect(self, sequence: int) -> None:
        """The book is known to go up to there."""
        if self._position is not None and sequence > self._position:
            self._must_read = True
        if self._must_read:
            self._wake()

    def _append(self, posted: hints.Posted) -> None:
        sequence = posted.line.sequence
        if self._position is None or sequence > self._position + 1 or len(self._ready) >= _PAGE:
            self._must_read = True
        elif sequence == self._position + 1:
            self._position = sequence
            self._ready.append(posted)

    async def _read(self) -> None:
        assert self._position is not None
        # What a hint adds meanwhile counts: `_append` takes each line once.
        self._must_read = False
        position = self._position
        page = await self._streams.read(self.user_id, position)
        if page and page[0].line.sequence != position + 1:
            # Nothing is passed on beyond a gap. The next poll has it read again.
            self._streams.tell_of_gap(self.user_id, position, page[0].line.sequence)
            return
        for posted in page:
            self._append(posted)
        if len(page) == _PAGE:
            self._must_read = True

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
