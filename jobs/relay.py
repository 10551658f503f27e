"""The relay: passes on what was committed, to those who listen and to the workers' queues.

Several may run beside each other. Nothing here must be kept: what is yet to be done is in the
database, and every step may be done twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog

from adapters import hints, realtime, redis_connection
from domain import errors
from jobs import queue, reactions
from persistence import retention
from persistence.delivery import cursors, mails, outbox
from persistence.delivery.outbox import OutboxRow
from persistence.engine import condition
from persistence.engine.database import Database
from settings import Settings

log = structlog.get_logger()

POLL_SECONDS = 0.5
#: How long a relay that dies keeps its rows from the others.
_LEASE_SECONDS = 5.0
_BATCH = 200
_SET_ASIDE_SECONDS = 30.0
_MAIL_SECONDS = 1.0
_PUSH_SECONDS = 1.0
_LONGEST_PUSH_PAUSE_SECONDS = 5.0
#: Pushing what was posted just now is the outbox's business.
_BEHIND_SECONDS = 2.0
_RETENTION_SECONDS = 60.0
_RETENTION_BATCH = 500
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 2.0
_STOP_SECONDS = 10.0

_AWAY = (errors.Unavailable, *redis_connection.AWAY)


def main(settings: Settings) -> int:
    """Relay until SIGTERM or SIGINT; what is in hand is finished first. The exit status."""

    async def until_signalled() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await run(settings, stop)

    asyncio.run(until_signalled())
    return 0


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Relay until `stop` is set. Survives any absence of PostgreSQL and Redis."""
    redis_url = settings.redis_url.get_secret_value()
    database = await Database.open(settings.database_url.get_secret_value(), pool_size=4)
    listeners = await realtime.Hints.open(redis_url)
    jobs = queue.JobQueue(redis_url)
    relay = Relay(database, listeners, jobs, pushes=settings.pusher_configured)
    try:
        log.info("the relay has started", pushes=settings.pusher_configured)
        await relay.run(stop)
        log.info("the relay has stopped")
    finally:
        jobs.close()
        await listeners.close()
        await database.close()


class Relay:
    """One relay; `pushes` says whether there is a Channels server to push to."""

    def __init__(
        self,
        database: Database,
        listeners: realtime.Hints,
        jobs: queue.JobQueue,
        *,
        pushes: bool,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._database = database
        self._listeners = listeners
        self._jobs = jobs
        self._pushes = pushes
        self._poll_seconds = poll_seconds
        self._woken = asyncio.Event()
        #: Rows that are claimed and not yet passed on: tried again before any other.
        self._in_hand: Sequence[OutboxRow] = ()
        self._patience = _Patience()
        self._unknown_mails = 0

    async def run(self, stop: asyncio.Event) -> None:
        self._listeners.listen_for_wake(self._woken.set)
        duties = [
            _Duty("the outbox", self._poll_seconds, self._pass_on, self._woken),
            _Duty("events set aside", _SET_ASIDE_SECONDS, self._take_up),
            _Duty("due mails", _MAIL_SECONDS, self._ask_for_mails),
            _Duty("retention", _RETENTION_SECONDS, self._clean_up),
        ]
        if self._pushes:
            duties.append(_Duty("pushes behind", _PUSH_SECONDS, self._ask_for_pushes))
        tasks = [asyncio.create_task(duty.repeat(stop)) for duty in duties]
        await stop.wait()
        _, late = await asyncio.wait(tasks, timeout=_STOP_SECONDS)
        for task in late:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # ------------------------------------------------ the outbox

    async def _pass_on(self) -> bool:
        """Pass on one batch; whether there may be more."""
        rows = self._in_hand or await self._claim()
        self._in_hand = ()
        try:
            await self._pass_on_rows(rows)
        except _AWAY:
            self._in_hand = rows
            raise
        return len(rows) == _BATCH

    async def _claim(self) -> Sequence[OutboxRow]:
        while True:
            claimed = await outbox.claim(self._database, _BATCH, _LEASE_SECONDS)
            for each in claimed.unreadable:
                log.error(
                    "an event was set aside: this release cannot read it",
                    topic=each.topic,
                    outbox_id=str(each.id),
                    user_id=str(each.user_id),
                )
            if claimed.rows or not claimed.unreadable:
                return claimed.rows

    async def _take_up(self) -> bool:
        """Pass on what was set aside and is readable now: a newer release does so as it starts."""
        unknown = (await mails.counts(self._database))["unknown_purpose"]
        if unknown > self._unknown_mails:
            log.error("mails wait: this release does not know what they are for", count=unknown)
        self._unknown_mails = unknown
        rows = await outbox.readable_set_aside(self._database)
        await self._pass_on_rows(rows)
        if rows:
            log.info("events that had been set aside were passed on", count=len(rows))
        return bool(rows)

    async def _pass_on_rows(self, rows: Sequence[OutboxRow]) -> None:
        if not rows:
            return
        messages = [(row.user_id, row.event) for row in rows if isinstance(row.event, hints.Hint)]
        if messages:
            await self._listeners.publish(messages)
        await self._put([job for row in rows if (job := reactions.job_for(row)) is not None])
        await outbox.mark_published(self._database, rows)

    async def _put(self, jobs: Sequence[reactions.Job]) -> None:
        wanted = [job for job in jobs if self._pushes or job.kind.queue != reactions.PUSH_QUEUE]
        if wanted:
            await asyncio.to_thread(self._jobs.put, wanted)

    # ------------------------------------------------ what is left to do, whatever Redis remembers

    async def _ask_for_mails(self) -> bool:
        due = await mails.due(self._database, _BATCH)
        await self._put([reactions.mail(user_id, mail_id) for user_id, mail_id in due])
        return False

    async def _ask_for_pushes(self) -> bool:
        behind = await cursors.behind(self._database, _BATCH, older_than_seconds=_BEHIND_SECONDS)
        await self._put([reactions.push(user_id) for user_id in self._patience.of(behind)])
        return False

    async def _clean_up(self) -> bool:
        deleted = await retention.sweep(self._database, _RETENTION_BATCH)
        if any(deleted.values()):
            log.info("deleted what nobody needs any more", **deleted)
        return any(count >= _RETENTION_BATCH for count in deleted.values())


class _Patience:
    """Asks less and less often for those who stay behind, up to once in five seconds."""

    def __init__(self) -> None:
        #: Person → when to ask again, and how long the pause before that was.
        self._pauses: dict[UUID, tuple[float, float]] = {}

    def of(self, behind: Sequence[UUID]) -> list[UUID]:
        """Those of them whose turn it is."""
        now = asyncio.get_running_loop().time()
        self._pauses = {name: self._pauses[name] for name in behind if name in self._pauses}
        asked = []
        for user_id in behind:
            again_at, pause_seconds = self._pauses.get(user_id, (0.0, _PUSH_SECONDS / 2))
            if now >= again_at:
                pause_seconds = min(pause_seconds * 2, _LONGEST_PUSH_PAUSE_SECONDS)
                # A little early, so that a sweep that comes in time counts.
                self._pauses[user_id] = (now + pause_seconds - _PUSH_SECONDS / 2, pause_seconds)
                asked.append(user_id)
        return asked


@dataclass(slots=True)
class _Duty:
    """Something to be done again and again, at once where there is more, sooner when woken."""

    name: str
    every_seconds: float
    work: Callable[[], Awaitable[bool]]
    woken: asyncio.Event | None = None
    _pause_seconds: float = 0.0

    async def repeat(self, stop: asyncio.Event) -> None:
        stopped: asyncio.Future[Any] = asyncio.ensure_future(stop.wait())
        while not stop.is_set():
            if self.woken is not None:
                self.woken.clear()
            wait_seconds = 0.0 if await self._try() else self._pause_seconds or self.every_seconds
            if wait_seconds:
                await self._wait(stopped, wait_seconds)
        stopped.cancel()

    async def _try(self) -> bool:
        try:
            is_more = await self.work()
        except _AWAY as error:
            if not self._pause_seconds:
                reason = (
                    condition.explain(error.__cause__)
                    if isinstance(error, errors.Unavailable)
                    else repr(error)
                )
                log.warning("the relay waits", duty=self.name, reason=reason)
            doubled = max(self._pause_seconds * 2, _FIRST_PAUSE_SECONDS)
            self._pause_seconds = min(doubled, _LONGEST_PAUSE_SECONDS)
            return False
        except Exception:
            # One bad row must not end the relay for all others.
            log.exception("the relay failed", duty=self.name)
            self._pause_seconds = _LONGEST_PAUSE_SECONDS
            return False
        if self._pause_seconds:
            log.info("the relay goes on", duty=self.name)
        self._pause_seconds = 0.0
        return is_more

    async def _wait(self, stopped: asyncio.Future[Any], seconds: float) -> None:
        waited: set[asyncio.Future[Any]] = {stopped}
        # While it is failing, being woken is no reason to try at once.
        if self.woken is not None and not self._pause_seconds:
            waited.add(asyncio.ensure_future(self.woken.wait()))
        await asyncio.wait(waited, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for future in waited - {stopped}:
            future.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await future
