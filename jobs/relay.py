"""The relay: publishes committed events to subscribers as hints, and queues the jobs that follow.

Several relays may run at the same time. They keep no state that matters: what is to be done is in the
database, and every step may be repeated.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import signal
from collections.abc import Sequence
from datetime import datetime

import structlog
import uvloop

from adapters import realtime
from domain.encryption import Keyring
from jobs import due_work, queue, reactions
from jobs.due_work import DueWork
from jobs.duty import AWAY, Duty
from jobs.kinds import Job
from jobs.sinks import table
from jobs.sinks.sink import Sink
from jobs.spans import NO_SPANS, ContextOf, Spans, no_context
from persistence import retention
from persistence.delivery import cursors, mails, outbox
from persistence.delivery.outbox import OutboxRow
from persistence.engine.database import Database
from persistence.people import factor_secrets
from persistence.top_ups import reconciling
from persistence.webhooks import secrets
from settings import Settings, SettingsError

log = structlog.get_logger()

POLL_SECONDS = 0.5
#: After so long, other relays take over the rows of a relay that was killed.
_LEASE_SECONDS = 5.0
_BATCH = 200
_SET_ASIDE_SECONDS = 30.0
_DUE_SECONDS = 1.0
_RETENTION_SECONDS = 60.0
_RETENTION_BATCH = 500
_STOP_SECONDS = 10.0


def main(settings: Settings, spans: Spans = NO_SPANS) -> int:
    """Run until SIGTERM or SIGINT; claimed rows are finished first. Returns the exit status."""

    async def until_signalled() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await run(settings, stop, spans)

    uvloop.run(until_signalled())
    return 0


async def run(settings: Settings, stop: asyncio.Event, spans: Spans = NO_SPANS) -> None:
    """Run until `stop` is set. PostgreSQL and Redis may be unavailable for any time.

    Raises SettingsError.
    """
    redis_url = settings.redis_url.get_secret_value()
    try:
        database = await Database.open(settings.database_url.get_secret_value(), pool_size=4)
        listeners = await realtime.Hints.open(redis_url)
    except ValueError as error:
        raise SettingsError(f"{str(error).removesuffix('.')}; see .env.example.") from None
    jobs = queue.JobQueue(redis_url)
    sinks = table.configured(settings)
    keys = secrets.keyring(settings.jwt_secrets)
    factor_keys = factor_secrets.keyring(settings.jwt_secrets)
    relay = Relay(
        database,
        listeners,
        jobs,
        sinks,
        keys=keys,
        factor_keys=factor_keys,
        spans=spans,
        top_up_provider=settings.top_up_provider,
    )
    try:
        log.info("the relay has started", sinks=[sink.name for sink in sinks])
        await relay.run(stop)
        log.info("the relay has stopped")
    finally:
        jobs.close()
        await listeners.close()
        await database.close()


class Relay:
    """One relay; `sinks` are those that are configured.

    `keys` are those of signing secrets of webhooks, `factor_keys` those of secrets of authenticator apps.
    """

    def __init__(
        self,
        database: Database,
        listeners: realtime.Hints,
        jobs: queue.JobQueue,
        sinks: Sequence[Sink],
        *,
        poll_seconds: float = POLL_SECONDS,
        keys: Keyring | None = None,
        factor_keys: Keyring | None = None,
        spans: Spans = NO_SPANS,
        top_up_provider: str | None = None,
    ) -> None:
        self._keys = keys
        #: The provider to reconcile with, until that was requested.
        self._to_reconcile = top_up_provider
        self._factor_keys = factor_keys
        self._spans = spans
        self._database = database
        self._listeners = listeners
        self._jobs = jobs
        self._sinks = sinks
        self._relaying = reactions.Relaying(database, sinks)
        self._poll_seconds = poll_seconds
        self._woken = asyncio.Event()
        #: Rows that are claimed, and those whose hints are published too.
        self._claimed: Sequence[OutboxRow] = ()
        self._told: list[OutboxRow] = []
        self._has_told = asyncio.Event()
        self._unknown_mails = 0
        #: Rows that were set aside before this time cannot be read by this release.
        self._set_aside_since: datetime | None = None

    async def run(self, stop: asyncio.Event) -> None:
        self._listeners.listen_for_wake(self._woken.set)
        duties = [
            Duty("the outbox", self._poll_seconds, self._tell_listeners, self._woken),
            Duty("reactions", self._poll_seconds, self._react, self._has_told),
            Duty("events set aside", _SET_ASIDE_SECONDS, self._process_set_aside),
            Duty("retention", _RETENTION_SECONDS, self._delete_expired),
        ]
        if self._keys is not None:
            encrypt = functools.partial(self._encrypt_again, self._keys)
            duties.append(Duty("keys of webhooks", _RETENTION_SECONDS, encrypt))
        if self._to_reconcile is not None:
            duties.append(Duty("reconciliation", _RETENTION_SECONDS, self._reconcile_once))
        if self._factor_keys is not None:
            encrypt = functools.partial(self._encrypt_factors_again, self._factor_keys)
            duties.append(Duty("keys of authenticator apps", _RETENTION_SECONDS, encrypt))
        for work in due_work.TABLE:
            queue_work = functools.partial(self._queue_due_work, work)
            duties.append(Duty(f"due work: {work.name}", work.every_seconds, queue_work))
        for sink in self._sinks:
            queue_due = functools.partial(self._queue_due_deliveries, sink)
            duties.append(Duty(f"due deliveries: {sink.name}", _DUE_SECONDS, queue_due))
        tasks = [asyncio.create_task(each.repeat(stop)) for each in duties]
        await stop.wait()
        _, late = await asyncio.wait(tasks, timeout=_STOP_SECONDS)
        for task in late:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(*AWAY, TimeoutError):
            await asyncio.wait_for(self._react(), _STOP_SECONDS)

    # ------------------------------------------------ the outbox

    async def _tell_listeners(self) -> bool:
        """Claim one batch of the outbox, and publish its hints; whether there may be more.

        Nothing else delays hints: `_react` does the rest at its own pace, and claiming waits for it only
        if it is a whole batch behind.
        """
        if len(self._told) >= _BATCH:
            return False
        rows = self._claimed or await self._claim()
        self._claimed = ()
        try:
            await reactions.tell(self._listeners, rows)
        except AWAY:
            self._claimed = rows
            raise
        self._told += rows
        if rows:
            self._has_told.set()
        return len(rows) == _BATCH

    async def _react(self) -> bool:
        """Do what else the claimed rows lead to, and mark them; whether there are more."""
        rows, self._told = self._told, []
        try:
            await self._process_rows(rows)
        except AWAY:
            self._told = [*rows, *self._told]
            raise
        if len(rows) >= _BATCH:
            self._woken.set()
        return bool(self._told)

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

    async def _process_set_aside(self) -> bool:
        """Process rows that an older release set aside and this one can read."""
        unknown = (await mails.counts(self._database))["unknown_purpose"]
        if unknown > self._unknown_mails:
            log.error("mails wait: this release does not know their purpose", count=unknown)
        self._unknown_mails = unknown
        found = await outbox.readable_set_aside(self._database, self._set_aside_since)
        if not found.rows:
            self._set_aside_since = found.looked_until
            return False
        await reactions.tell(self._listeners, found.rows)
        await self._process_rows(found.rows)
        log.info("events that had been set aside were processed", count=len(found.rows))
        return True

    async def _process_rows(self, rows: Sequence[OutboxRow]) -> None:
        if rows:
            with self._spans.relaying(rows) as context_of:
                consequences = await reactions.react(self._relaying, rows)
                await self._put(consequences.jobs, context_of)
                await outbox.mark_published(self._database, rows, consequences.due)

    async def _put(self, jobs: Sequence[Job], context_of: ContextOf = no_context) -> None:
        if jobs:
            await asyncio.to_thread(self._jobs.put, jobs, context_of)

    # ------------------------------------------------ what is due, even if Redis has lost its jobs

    async def _queue_due_work(self, work: DueWork) -> bool:
        due = await work.due(self._database, _BATCH)
        await self._put([work.job(user_id, due_id) for user_id, due_id in due])
        return False

    async def _queue_due_deliveries(self, sink: Sink) -> bool:
        receivers = await cursors.due(
            self._database,
            sink.name,
            _BATCH,
            longest_pause_seconds=sink.longest_pause_seconds,
        )
        await self._put([sink.job(receiver) for receiver in receivers])
        return len(receivers) == _BATCH

    async def _reconcile_once(self) -> bool:
        """Have the events read that the provider sent while nothing was running."""
        if self._to_reconcile is not None:
            await reconciling.request(self._database, self._to_reconcile)
            self._to_reconcile = None
        return False

    async def _encrypt_again(self, keys: Keyring) -> bool:
        """After JWT_SECRET was replaced: encrypt signing secrets with the key that follows from it."""
        changed = await secrets.encrypt_again(self._database, keys, _RETENTION_BATCH)
        if changed:
            log.info("encrypted signing secrets with the new key", count=changed)
        return changed >= _RETENTION_BATCH

    async def _encrypt_factors_again(self, keys: Keyring) -> bool:
        """Likewise the secrets of authenticator apps."""
        changed = await factor_secrets.encrypt_again(self._database, keys, _RETENTION_BATCH)
        if changed:
            log.info("encrypted secrets of authenticator apps with the new key", count=changed)
        return changed >= _RETENTION_BATCH

    async def _delete_expired(self) -> bool:
        deleted = await retention.sweep(self._database, _RETENTION_BATCH)
        if any(deleted.values()):
            log.info("deleted expired rows", **deleted)
        return any(count >= _RETENTION_BATCH for count in deleted.values())
