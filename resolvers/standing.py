"""Which sessions and API tokens still stand, as this process knows it, and who waits for their end."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Collection
from uuid import UUID

from adapters import realtime
from domain import errors
from domain.sessions import Principal
from persistence import sessions
from persistence.database import Database

#: How old the knowledge that a session stands may be; with the rest, under SESSION_END_SECONDS.
_STANDING_SECONDS = 4.0
_TOUCH_SECONDS = 60.0
#: A credential that nobody used for this long is no longer watched.
_FORGET_SECONDS = 60.0
_MAXIMUM_CREDENTIALS = 50_000


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


class Standing:
    """The credentials that were used here of late, or whose sockets are open."""

    def __init__(self, database: Database, listening: realtime.Hints) -> None:
        self._database = database
        self._listening = listening
        self._known: dict[UUID, _Credential] = {}
        self._touched_at = time.monotonic()

    async def ensure(self, principal: Principal, *, ask: bool = True) -> None:
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
        self._known[principal.credential_id] = credential
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        credential.waiters = credential.waiters or set()
        credential.waiters.add(waiter)
        self._listening.subscribe(principal.user_id)
        try:
            # Away now: the poll will ask again.
            with contextlib.suppress(errors.Unavailable):
                await self.ensure(principal)
            await waiter
        except errors.Unauthenticated:
            return
        finally:
            credential.waiters.discard(waiter)
            self._listening.unsubscribe(principal.user_id)

    def end(self, credential_ids: Collection[UUID]) -> None:
        """These have ended."""
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

    async def _check(self, credentials: dict[UUID, _Credential]) -> None:
        asked_at = time.monotonic()
        standing = await sessions.standing(
            self._database, [(known.user_id, name) for name, known in credentials.items()]
        )
        for credential_id, credential in credentials.items():
            credential.checked_at = asked_at
            if credential_id not in standing:
                credential.end()

    async def poll(self) -> None:
        """Ask for all that are known whether they stand. Raises Unavailable."""
        forgotten_at = time.monotonic() - _FORGET_SECONDS
        for credential_id, credential in list(self._known.items()):
            idle = credential.seen_at < forgotten_at and not credential.waiters
            if idle and not credential.used:
                del self._known[credential_id]
        watched = {name: known for name, known in self._known.items() if not known.ended}
        if watched:
            await self._check(watched)
        if time.monotonic() - self._touched_at >= _TOUCH_SECONDS:
            await self.touch()

    async def touch(self) -> None:
        """Write down which were used. Raises Unavailable."""
        self._touched_at = time.monotonic()
        used = {
            name: known
            for name, known in self._known.items()
            if (known.used or known.waiters) and not known.ended
        }
        for credential in self._known.values():
            credential.used = False
        if used:
            await sessions.touch(
                self._database, [(known.user_id, name) for name, known in used.items()]
            )
