"""Live updates for the clients of this process: entries, notifications, and credentials that end.

Hints through Redis make them fast; constant polling of the database makes them reliable.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Sequence
from uuid import UUID

import structlog

from adapters import hints, realtime
from domain import errors, events
from domain.ledger.metadata import Pair
from domain.ledger.transfers import Entry
from domain.notifications.notices import Notification
from domain.notifications.views import View
from domain.people.accounts import Person
from domain.people.sessions import Principal
from domain.streams import Epoch
from persistence.delivery import streams
from persistence.engine import condition
from persistence.engine.database import Database
from persistence.ledger.entry_views import EntryView
from realtime.active_credentials import ActiveCredentials, Watch
from realtime.epochs import Epochs
from realtime.subscriptions import Subscription, Subscriptions

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
        self._entries = Subscriptions(database, listening, streams.ENTRIES)
        self._notifications = Subscriptions(database, listening, streams.NOTIFICATIONS)
        self._credentials = ActiveCredentials(database, listening)
        self._epochs = Epochs(database, self._end_subscriptions)
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False
        self._is_database_away = False

    async def start(self) -> None:
        self._listening.listen(self._take_hint, confirmed=self._doubt)
        self._tasks = [asyncio.create_task(self._poll()), asyncio.create_task(self._expire())]

    async def stop(self) -> None:
        """End every subscription, and store which credentials were used."""
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._end_subscriptions()
        with contextlib.suppress(errors.Unavailable):
            await self._credentials.touch()

    def epoch(self) -> Awaitable[Epoch]:
        """The epoch of the streams, as of at most a few seconds ago. Raises Unavailable."""
        return self._epochs.current()

    def ensure_active(self, principal: Principal, *, ask: bool = True) -> Awaitable[None]:
        """Raise Unauthenticated if the credential has ended, as of at most 4 seconds ago.

        Queries the database only if the last check is older, and not at all without `ask`. Raises
        Unavailable if it has to query the database and cannot.
        """
        return self._credentials.ensure(principal, ask=ask)

    def knows_active(self, principal: Principal, *, ask: bool = True) -> bool:
        """Whether `ensure_active` would return without querying the database. If so, this counts as a use."""
        return self._credentials.knows_active(principal, ask=ask)

    def watch(
        self,
        principal: Principal,
        ended: Callable[[errors.Unauthenticated], None],
        *,
        expires_in_seconds: float | None = None,
    ) -> Watch:
        """Call `ended` within 5 seconds after the credential ends, whichever process ends it.

        After `expires_in_seconds` it is called with TokenExpired. It is never called before this returns
        or after `unwatch`.
        """
        return self._credentials.watch(principal, ended, expires_in_seconds=expires_in_seconds)

    def unwatch(self, watch: Watch) -> None:
        """Stop watching."""
        self._credentials.unwatch(watch)

    async def forget(self, credential_ids: Collection[UUID]) -> None:
        """This process has just ended these: do not wait for hints of it."""
        self._credentials.end(credential_ids)

    def entries(self, user_id: UUID, after_sequence: int | None) -> Subscription[EntryView]:
        """The user's ledger entries after that sequence, each exactly once and in order.

        Without a sequence: those posted from now on, which is when `Subscription.start` is called.
        """
        return Subscription(self._entries, user_id, after_sequence)

    def notifications(self, user_id: UUID, after_number: int | None) -> Subscription[View]:
        """The user's notifications after that number, each exactly once and in order.

        Without a number: those created from now on, which is when `Subscription.start` is called.
        """
        return Subscription(self._notifications, user_id, after_number)

    def posted(
        self, entry: Entry, counterparty: Person | None, metadata: Sequence[Pair] = ()
    ) -> None:
        """This process has just committed this entry: do not wait for hints of it."""
        self._entries.offer(entry.user_id, EntryView(entry, counterparty, metadata))

    def notified(
        self, created: Sequence[Notification], entry: Entry | None, counterparty: Person
    ) -> None:
        """This process has just committed these: do not wait for hints of them.

        `entry` is the one of that commit that most of them are about, and names `counterparty`.
        """
        for each in created:
            if not self._notifications.has(each.user_id):
                continue
            if entry is not None and (each.user_id, each.sequence) == (
                entry.user_id,
                entry.sequence,
            ):
                view = View(each, entry, counterparty)
                self._notifications.offer(each.user_id, view)
            else:
                self._notifications.hint(each.user_id, each.number)

    def _end_subscriptions(self) -> None:
        self._entries.close()
        self._notifications.close()

    def _take_hint(self, user_id: UUID, hint: hints.Hint) -> None:
        match hint:
            case events.CredentialsEnded():
                self._credentials.doubt(hint.credential_ids)
            case events.NotificationCreated():
                self._notifications.hint(user_id, hint.number)
            case events.TransactionPosted():
                self._entries.hint(user_id, hint.sequence)
                if hint.notification_number is not None:
                    self._notifications.hint(user_id, hint.notification_number)

    def _doubt(self, user_id: UUID) -> None:
        self._entries.doubt(user_id)
        self._notifications.doubt(user_id)

    async def _expire(self) -> None:
        # Not part of the poll, which may have to wait for the database.
        while not self._stopping:
            await asyncio.sleep(_EXPIRE_SECONDS)
            try:
                self._credentials.expire()
            except Exception:
                log.exception("expired access tokens were not ended")

    async def _poll(self) -> None:
        # A database driver may swallow a cancellation: the flag ends the loop in any case.
        while not self._stopping:
            await asyncio.sleep(self._poll_seconds)
            try:
                await self._epochs.poll()
                await self._credentials.poll()
                await self._entries.poll()
                await self._notifications.poll()
            except errors.Unavailable as error:
                if not self._is_database_away:
                    log.warning(
                        "subscriptions wait for the database",
                        reason=condition.explain(error.__cause__),
                    )
                self._is_database_away = True
            except Exception:
                # Reliability depends on the poll: it must not end.
                log.exception("a poll failed")
            else:
                self._is_database_away = False
