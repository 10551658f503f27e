"""What happens while somebody listens: new lines of a book, and sessions that end.

Redis makes it quick; a poll of the database, always on, makes it sure.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Sequence
from uuid import UUID

import structlog

from adapters import hints, realtime
from domain import errors, events
from domain.ledger.metadata import Pair
from domain.ledger.transfers import Entry
from domain.people.accounts import Person
from domain.people.sessions import Principal
from persistence.engine import condition
from persistence.engine.database import Database
from persistence.ledger.entry_views import EntryView
from realtime.active_credentials import ActiveCredentials, Watch
from realtime.subscriptions import Stream, Streams

log = structlog.get_logger()

POLL_SECONDS = 2.0
_EXPIRE_SECONDS = 0.5


class Live:
    """One per process that answers requests."""

    def __init__(
        self, database: Database, listening: realtime.Hints, *, poll_seconds: float = POLL_SECONDS
    ) -> None:
        self._listening = listening
        self._poll_seconds = poll_seconds
        self._streams = Streams(database, listening)
        self._credentials = ActiveCredentials(database, listening)
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False
        self._is_database_away = False

    async def start(self) -> None:
        self._listening.listen(self._take_hint, confirmed=self._streams.doubt)
        self._tasks = [asyncio.create_task(self._poll()), asyncio.create_task(self._expire())]

    async def stop(self) -> None:
        """End every stream, and write down which credentials were used."""
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._streams.close()
        with contextlib.suppress(errors.Unavailable):
            await self._credentials.touch()

    async def ensure_active(self, principal: Principal, *, ask: bool = True) -> None:
        """Raise Unauthenticated when the credential has ended, as known at most 4 seconds ago.

        Asks the database only where the poll has not just done so; without `ask` not even then. Raises
        Unavailable if it must and cannot.
        """
        await self._credentials.ensure(principal, ask=ask)

    def watch(
        self,
        principal: Principal,
        ended: Callable[[errors.Unauthenticated], None],
        *,
        expires_in_seconds: float | None = None,
    ) -> Watch:
        """Call `ended` once the credential has ended, whichever process ended it, within 5 seconds.

        With TokenExpired after `expires_in_seconds`. Never before this returns; until `unwatch`.
        """
        return self._credentials.watch(principal, ended, expires_in_seconds=expires_in_seconds)

    def unwatch(self, watch: Watch) -> None:
        """Tell this one no more."""
        self._credentials.unwatch(watch)

    async def forget(self, credential_ids: Collection[UUID]) -> None:
        """These have ended just now, through this process: do not wait for the news of it."""
        self._credentials.end(credential_ids)

    def stream(self, user_id: UUID, after_sequence: int | None) -> Stream:
        """The lines of a person's book after that one, each exactly once and in sequence.

        Without a number: those that are posted from now on. `Stream.start` says when now is.
        """
        return Stream(self._streams, user_id, after_sequence)

    def posted(
        self, entry: Entry, counterparty: Person | None, metadata: Sequence[Pair] = ()
    ) -> None:
        """This line was committed just now, through this process: do not wait for the news of it."""
        self._streams.offer(entry.user_id, EntryView(entry, counterparty, metadata))

    def _take_hint(self, user_id: UUID, hint: hints.Hint) -> None:
        if isinstance(hint, events.CredentialsEnded):
            self._credentials.doubt(hint.credential_ids)
        else:
            self._streams.hint(user_id, hint.sequence)

    async def _expire(self) -> None:
        # Of its own, because the poll may have to wait for the database.
        while not self._stopping:
            await asyncio.sleep(_EXPIRE_SECONDS)
            try:
                self._credentials.expire()
            except Exception:
                log.exception("what is out of date was not ended")

    async def _poll(self) -> None:
        # A driver may lose a cancellation; the flag is not lost.
        while not self._stopping:
            await asyncio.sleep(self._poll_seconds)
            try:
                await self._credentials.poll()
                await self._streams.poll()
            except errors.Unavailable as error:
                if not self._is_database_away:
                    log.warning("streams wait", reason=condition.explain(error.__cause__))
                self._is_database_away = True
            except Exception:
                # Without the poll nothing is sure: it must not end.
                log.exception("a poll failed")
            else:
                self._is_database_away = False
