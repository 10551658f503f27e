"""What happens while somebody listens: new lines of a book, and sessions that end.

Redis makes it quick; a poll of the database, always on, makes it sure.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Collection
from uuid import UUID

import structlog

from adapters import hints, realtime
from domain import errors
from domain.sessions import Principal
from persistence import accounts, history, sessions
from persistence.database import Database

log = structlog.get_logger()

POLL_SECONDS = 2.0
#: How old the knowledge that a session stands may be; with the rest, under SESSION_END_SECONDS.
_STANDING_SECONDS = 4.0
_TOUCH_SECONDS = 60.0
#: A credential that nobody used for this long is no longer watched.
_FORGET_SECONDS = 60.0
_MAXIMUM_CREDENTIALS = 50_000
_PAGE = 100
#: How many streams read their books at once; the other connections are for requests.
_READERS = 4


class _Credential:
    """What is known of a session or an API token."""

    __slots__ = ("checked_at", "ended", "seen_at", "used", "user_id", "waiters")

    def __init__(self, user_id: UUID) -> None:
        self.user_id = user_id
        self.checked_at = float("-inf")
        self.seen_at = time.monotonic()
        self.ended = False
        #: Since `last_used_at` was written last.
        self.used = False
        self.waiters: set[asyncio.Future[None]] | None = None

    def end(self) -> None:
        self.ended = True
        for waiter in self.waiters or ():
            if not waiter.done():
                waiter.set_result(None)


class Live:
    """One per process that answers requests."""

    def __init__(
        self, database: Database, hints: realtime.Hints, *, poll_seconds: float = POLL_SECONDS
    ) -> None:
        self._database = database
        self._hints = hints
        self._poll_seconds = poll_seconds
        self._streams: dict[UUID, set[Stream]] = {}
        self._credentials: dict[UUID, _Credential] = {}
        self._readers = asyncio.Semaphore(_READERS)
        self._poll_task: asyncio.Task[None] | None = None
        self._touched_at = time.monotonic()
        self._is_database_away = False
        self._stopping = False

    async def start(self) -> None:
        self._hints.listen(self._take_hint, confirmed=self._reread)
        self._poll_task = asyncio.create_task(self._poll())

    async def stop(self) -> None:
        """End every stream, and write down which credentials were used."""
        self._stopping = True
        if self._poll_task is not None:
            self._poll_task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._poll_task
        for stream in [stream for streams in self._streams.values() for stream in streams]:
            stream.close()
        with contextlib.suppress(errors.Unavailable):
            await self._touch()

    # ------------------------------------------------ credentials

    async def ensure_standing(self, principal: Principal, *, ask: bool = True) -> None:
        """Raise Unauthenticated when the credential has ended, as known at most 4 seconds ago.

        Asks the database only where the poll has not just done so; without `ask` not even then. Raises
        Unavailable if it must and cannot.
        """
        credential = self._credential(principal)
        is_old = time.monotonic() - credential.checked_at > _STANDING_SECONDS
        if ask and is_old and not credential.ended:
            await self._check({principal.credential_id: credential})
        if credential.ended:
            raise errors.Unauthenticated("This session or API token has ended. Sign in again.")
        credential.used = True
        credential.seen_at = time.monotonic()

    async def wait_until_ended(self, principal: Principal) -> None:
        """Return when the credential has ended, whichever process ended it, within 5 seconds.

        That a token goes out of date is not waited for.
        """
        credential = self._credential(principal)
        # Kept even past the maximum: a socket is worth it, and there is a limit on sockets.
        self._credentials[principal.credential_id] = credential
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        credential.waiters = credential.waiters or set()
        credential.waiters.add(waiter)
        self._hints.subscribe(principal.user_id)
        try:
            # Away now: the poll will ask again.
            with contextlib.suppress(errors.Unavailable):
                await self.ensure_standing(principal)
            await waiter
        except errors.Unauthenticated:
            return
        finally:
            credential.waiters.discard(waiter)
            self._hints.unsubscribe(principal.user_id)

    async def forget(self, credential_ids: Collection[UUID]) -> None:
        """These have ended just now, through this process: do not wait for the news of it."""
        self._end(credential_ids)

    def _end(self, credential_ids: Collection[UUID]) -> None:
        for credential_id in credential_ids:
            credential = self._credentials.get(credential_id)
            if credential is not None:
                credential.end()

    def _credential(self, principal: Principal) -> _Credential:
        credential = self._credentials.get(principal.credential_id)
        if credential is None:
            credential = _Credential(principal.user_id)
            if len(self._credentials) < _MAXIMUM_CREDENTIALS:
                self._credentials[principal.credential_id] = credential
        return credential

    async def _check(self, credentials: dict[UUID, _Credential]) -> None:
        asked_at = time.monotonic()
        standing = await sessions.standing(
            self._database, [(known.user_id, name) for name, known in credentials.items()]
        )
        for credential_id, credential in credentials.items():
            credential.checked_at = asked_at
            if credential_id not in standing:
                credential.end()

    # ------------------------------------------------ streams

    def stream(self, user_id: UUID, after_sequence: int | None) -> Stream:
        """The lines of a person's book after that one, each exactly once and in sequence.

        Without a number: those that are posted from now on. `Stream.start` says when now is.
        """
        return Stream(self, user_id, after_sequence)

    def _register(self, stream: Stream) -> None:
        self._streams.setdefault(stream.user_id, set()).add(stream)
        self._hints.subscribe(stream.user_id)

    def _unregister(self, stream: Stream) -> None:
        streams = self._streams.get(stream.user_id, set())
        if stream in streams:
            streams.remove(stream)
            self._hints.unsubscribe(stream.user_id)
            if not streams:
                del self._streams[stream.user_id]

    async def _newest_sequence(self, user_id: UUID) -> int:
        return (await history.newest_sequences(self._database, [user_id])).get(user_id, 0)

    async def _read(self, user_id: UUID, after_sequence: int) -> list[hints.Posted]:
        async with self._readers:
            lines = await history.lines_after(self._database, user_id, after_sequence, limit=_PAGE)
            named = {line.counterparty_id for line in lines if line.counterparty_id is not None}
            people = await accounts.people(self._database, named) if named else {}
        return [
            hints.Posted(line, people.get(line.counterparty_id) if line.counterparty_id else None)
            for line in lines
        ]

    # ------------------------------------------------ news

    def _take_hint(self, user_id: UUID, hint: hints.Hint) -> None:
        if isinstance(hint, hints.CredentialsEnded):
            self._end(hint.credential_ids)
        else:
            for stream in self._streams.get(user_id, ()):
                stream.offer(hint)

    def _reread(self, user_id: UUID) -> None:
        for stream in self._streams.get(user_id, ()):
            stream.doubt()

    async def _poll(self) -> None:
        # A driver may lose a cancellation; the flag is not lost.
        while not self._stopping:
            await asyncio.sleep(self._poll_seconds)
            try:
                await self._poll_once()
            except errors.Unavailable:
                if not self._is_database_away:
                    log.warning("streams wait: the database is away")
                self._is_database_away = True
            except Exception:
                # Without the poll nothing is sure: it must not end.
                log.exception("a poll failed")
            else:
                self._is_database_away = False

    async def _poll_once(self) -> None:
        forgotten_at = time.monotonic() - _FORGET_SECONDS
        for credential_id, credential in list(self._credentials.items()):
            idle = credential.seen_at < forgotten_at and not credential.waiters
            if idle and not credential.used:
                del self._credentials[credential_id]
        watched = {name: known for name, known in self._credentials.items() if not known.ended}
        if watched:
            await self._check(watched)
        if self._streams:
            newest = await history.newest_sequences(self._database, list(self._streams))
            for user_id, sequence in newest.items():
                for stream in self._streams.get(user_id, ()):
                    stream.expect(sequence)
        if time.monotonic() - self._touched_at >= _TOUCH_SECONDS:
            await self._touch()

    async def _touch(self) -> None:
        self._touched_at = time.monotonic()
        used = {
            name: known
            for name, known in self._credentials.items()
            if (known.used or known.waiters) and not known.ended
        }
        for credential in self._credentials.values():
            credential.used = False
        if used:
            await sessions.touch(
                self._database, [(known.user_id, name) for name, known in used.items()]
            )


class Stream(AsyncIterator[hints.Posted]):
    """One listener's place in a book: `async for`, and `aclose` at the end.

    What is passed on is always the very next line, whether a hint brought it or the book: that alone is
    why each comes exactly once and in sequence. A hint that is not the next one, one too many, and a
    poll that knows of more all mean the same: read the book.
    """

    __slots__ = (
        "_closed",
        "_live",
        "_must_read",
        "_position",
        "_ready",
        "_started",
        "_waiter",
        "user_id",
    )

    def __init__(self, live: Live, user_id: UUID, after_sequence: int | None) -> None:
        self.user_id = user_id
        self._live = live
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
        self._live._register(self)
        try:
            newest = await self._live._newest_sequence(self.user_id)
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
        self._live._unregister(self)
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
        page = await self._live._read(self.user_id, self._position)
        for posted in page:
            self._append(posted)
        if len(page) == _PAGE:
            self._must_read = True

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
