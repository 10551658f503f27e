"""A cache of which sessions and API tokens are active, and notification when one ends."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TypeVar
from uuid import UUID

from adapters import realtime
from domain import errors
from domain.people.sessions import Principal, TokenExpired
from persistence.engine.database import Database
from persistence.engine.shared_calls import SharedCalls
from persistence.people import credentials

#: How long the result of a check is trusted.
_ACTIVE_SECONDS = 4.0
_TOUCH_SECONDS = 60.0
#: A credential that has not been used for this long is removed from the cache.
_FORGET_SECONDS = 60.0
_MAXIMUM_CREDENTIALS = 50_000
#: Credentials per query: a query of more than a few milliseconds would delay everything else.
_CREDENTIALS_AT_ONCE = 250
Item = TypeVar("Item")

_ENDED = "This session or API token has ended. Sign in again."


class Watch:
    """A connection that was opened with a credential, to be notified when that ends or expires."""

    __slots__ = ("_ended", "_expires_at", "credential")

    def __init__(
        self,
        credential: _Credential,
        ended: Callable[[errors.Unauthenticated], None],
        expires_at: float | None,
    ) -> None:
        self.credential = credential
        self._ended = ended
        self._expires_at = expires_at

    def end(self) -> None:
        """The session or API token has ended."""
        self._ended(errors.Unauthenticated(_ENDED))

    def expire(self, now: float) -> None:
        """Report the access token as expired, if it is."""
        if self._expires_at is not None and self._expires_at <= now:
            self._expires_at = None
            self._ended(TokenExpired())


class _Credential:
    """The cached state of a session or an API token."""

    __slots__ = ("checked_at", "ended", "seen_at", "used", "user_id", "watches")

    def __init__(self, user_id: UUID) -> None:
        self.user_id = user_id
        self.checked_at = float("-inf")
        self.seen_at = time.monotonic()
        self.ended = False
        #: Whether it was used since `last_used_at` was written.
        self.used = False
        # Usually one: a set would take 200 bytes.
        self.watches: tuple[Watch, ...] = ()

    def use(self, now: float) -> None:
        self.used = True
        self.seen_at = now

    def end(self) -> None:
        if not self.ended:
            self.ended = True
            for watch in self.watches:
                watch.end()


_Known = tuple[UUID, _Credential]


class ActiveCredentials:
    """The credentials that this process has seen recently, or that have open connections."""

    def __init__(self, database: Database, listening: realtime.Hints) -> None:
        self._database = database
        self._listening = listening
        self._known: dict[UUID, _Credential] = {}
        #: Checks of concurrent requests share a query.
        self._checks = SharedCalls(self._check)
        self._watches: set[Watch] = set()
        self._doubts: set[asyncio.Task[None]] = set()
        self._touched_at = time.monotonic()

    async def ensure(self, principal: Principal, *, ask: bool = True) -> None:
        """Raise Unauthenticated if the credential has ended, as of at most 4 seconds ago.

        Queries the database only if the last check is older, and not at all without `ask`. Raises
        Unavailable if it has to query the database and cannot.
        """
        if self.knows_active(principal, ask=ask):
            return
        credential = self._credential(principal)
        if not credential.ended:
            await self._checks.get([(principal.credential_id, credential)])
        if credential.ended:
            raise errors.Unauthenticated(_ENDED)
        credential.use(time.monotonic())

    def knows_active(self, principal: Principal, *, ask: bool = True) -> bool:
        """Whether `ensure` would return without querying the database. If so, this counts as a use."""
        credential = self._credential(principal)
        now = time.monotonic()
        if credential.ended or (ask and now - credential.checked_at > _ACTIVE_SECONDS):
            return False
        credential.use(now)
        return True

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
        credential = self._credential(principal)
        # Cached even beyond the maximum: connections have a limit of their own.
        self._known[principal.credential_id] = credential
        expires_at = None if expires_in_seconds is None else time.monotonic() + expires_in_seconds
        watch = Watch(credential, ended, expires_at)
        credential.watches = (*credential.watches, watch)
        self._watches.add(watch)
        self._listening.subscribe(credential.user_id)
        if credential.ended:
            asyncio.get_running_loop().call_soon(watch.end)
        return watch

    def unwatch(self, watch: Watch) -> None:
        """Stop watching."""
        if watch in self._watches:
            self._watches.remove(watch)
            others = (each for each in watch.credential.watches if each is not watch)
            watch.credential.watches = tuple(others)
            self._listening.unsubscribe(watch.credential.user_id)

    def expire(self) -> None:
        """Report access tokens that have expired by now."""
        now = time.monotonic()
        for watch in list(self._watches):
            watch.expire(now)

    def doubt(self, credential_ids: Collection[UUID]) -> None:
        """A hint says that these have ended: check those in the cache immediately."""
        doubted = [
            (name, known)
            for name in credential_ids
            if (known := self._known.get(name)) is not None and not known.ended
        ]
        if doubted:
            task = asyncio.get_running_loop().create_task(self._ask(doubted))
            self._doubts.add(task)
            task.add_done_callback(self._doubts.discard)

    async def _ask(self, doubted: Collection[_Known]) -> None:
        # If the database is unavailable, the poll asks again.
        with contextlib.suppress(errors.Unavailable):
            await self._checks.get(doubted)

    def end(self, credential_ids: Collection[UUID]) -> None:
        """This process has ended these."""
        for credential_id in credential_ids:
            credential = self._known.get(credential_id)
            if credential is not None:
                credential.end()

    def _credential(self, principal: Principal) -> _Credential:
        credential = self._known.get(principal.credential_id)
        if credential is None:
            credential = _Credential(principal.user_id)
            if len(self._known) < _MAXIMUM_CREDENTIALS:
                self._known[principal.credential_id] = credential
        return credential

    async def _check(self, known: Collection[_Known]) -> Mapping[_Known, None]:
        asked_at = time.monotonic()
        ended = await credentials.ended(
            self._database, [(credential.user_id, name) for name, credential in known]
        )
        for credential_id, credential in known:
            credential.checked_at = asked_at
            if (credential.user_id, credential_id) in ended:
                credential.end()
        return {}

    async def poll(self) -> None:
        """Check every cached credential. Raises Unavailable."""
        forgotten_at = time.monotonic() - _FORGET_SECONDS
        for credential_id, credential in list(self._known.items()):
            idle = credential.seen_at < forgotten_at and not credential.watches
            if idle and not credential.used:
                del self._known[credential_id]
        for page in _pages([item for item in self._known.items() if not item[1].ended]):
            await self._check(page)
        if time.monotonic() - self._touched_at >= _TOUCH_SECONDS:
            await self.touch()

    async def touch(self) -> None:
        """Store which credentials were used. Raises Unavailable."""
        self._touched_at = time.monotonic()
        used = [
            (known.user_id, name)
            for name, known in self._known.items()
            if (known.used or known.watches) and not known.ended
        ]
        for credential in self._known.values():
            credential.used = False
        for page in _pages(used):
            await credentials.touch(self._database, page)


def _pages(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), _CREDENTIALS_AT_ONCE):
        yield items[start : start + _CREDENTIALS_AT_ONCE]
