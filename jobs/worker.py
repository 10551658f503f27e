"""A worker: runs the jobs that relays queued, one at a time, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import redis
import rq
import rq.utils
import rq.worker
import rq.worker_registration
import structlog
from rq.exceptions import StopRequested

from adapters import redis_connection
from application.webhook_payloads import Documents
from domain import errors
from jobs import background, queue, reactions, services, untrusted
from jobs.sinks import webhooks
from jobs.spans import NO_SPANS, Spans
from persistence.delivery import mails
from persistence.engine import condition
from persistence.engine.database import Database
from settings import Settings, SettingsError

log = structlog.get_logger()

_PAUSE_SECONDS = 1.0


def main(
    settings: Settings,
    make_documents: Callable[[Database], Documents],
    *,
    queues: Sequence[str] = reactions.QUEUES,
    retry_failed: bool = False,
    spans: Spans = NO_SPANS,
) -> int:
    """Run jobs from those queues until SIGTERM or SIGINT; the job under way is finished first.

    `make_documents` makes what renders payloads of webhooks, once there is one to render. Returns the exit
    status. `retry_failed` first makes the mails that were given up due again. Raises
    SettingsError.
    """
    stop = _Stop()
    with stop.on_signals(), contextlib.suppress(StopRequested), asyncio.Runner() as runner:
        opening = services.opened(settings, spans)
        try:
            opened = runner.run(opening.__aenter__())
        except ValueError as error:
            raise SettingsError(str(error)) from None
        delivering = background.Background(
            partial(webhooks.opened, settings, make_documents, spans)
        )
        bench = services.Bench(opened, runner, delivering)
        token = services.current_bench.set(bench)
        try:
            if retry_failed:
                _retry_failed(runner, opened)
            log.info("the worker has started", queues=queues)
            _work(settings.redis_url.get_secret_value(), queues, stop, spans)
        finally:
            services.current_bench.reset(token)
            delivering.stop()
            runner.run(opening.__aexit__(None, None, None))
    log.info("the worker has stopped")
    return 0


class _Stop:
    """Whether a signal has requested to stop."""

    def __init__(self) -> None:
        self.worker: _Worker | None = None
        self.requested = False

    @contextlib.contextmanager
    def on_signals(self) -> Iterator[None]:
        before = {
            number: signal.signal(number, self._request)
            for number in (signal.SIGTERM, signal.SIGINT)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _request(self, _number: int, _frame: object) -> None:
        if self.requested:
            return
        self.requested = True
        if self.worker is not None and self.worker.is_busy:
            self.worker.stop_after_this_job()
        else:
            raise StopRequested


class _Worker(rq.SimpleWorker):
    """RQ's worker that does not fork, without its signal handlers and log handlers.

    It runs three times as many small jobs as one that forks. The jobs mostly wait for other services and
    run no code that could crash the process.
    """

    max_connection_wait_time = 2.0
    spans = NO_SPANS

    @property
    def is_busy(self) -> bool:
        return bool(self.get_state() == rq.worker.WorkerStatus.BUSY)

    def stop_after_this_job(self) -> None:
        self._stop_requested = True

    def _install_signal_handlers(self) -> None:
        """`main` installs them once."""

    def bootstrap(self, *_arguments: Any, **_options: Any) -> None:
        """Without log handlers, and without subscribing to RQ's command channel."""
        self.register_birth()  # type: ignore[no-untyped-call]
        self.set_state(rq.worker.WorkerStatus.STARTED)

    def run_maintenance_tasks(self) -> None:
        """Delete expired registry entries. RQ's method would also requeue what others wrote to Redis."""
        self.last_cleaned_at = rq.utils.now()  # type: ignore[assignment]
        for each in self.queues:
            for registry in (each.started_job_registry, each.failed_job_registry):
                with _tolerating(registry.key):
                    self.connection.zremrangebyscore(registry.key, 0, time.time())
            with _tolerating(f"workers of {each.name}"):
                rq.worker_registration.clean_worker_registry(each)

    def execute_job(self, job: rq.job.Job, from_queue: rq.Queue) -> None:
        assert isinstance(job, untrusted.Job)
        try:
            with self.spans.working(job.kind_name, job.traceparent) as fail:
                super().execute_job(job, from_queue)
                if job.has_failed:
                    fail()
        except redis_connection.AWAY as error:
            # The database says whether the job is done; only the connection has to be restored.
            log.warning(
                "the connection to Redis was lost during a job", job_id=job.id, error=repr(error)
            )
            raise StopRequested from None

    def teardown(self) -> None:
        with contextlib.suppress(*redis_connection.AWAY):
            self.register_death()  # type: ignore[no-untyped-call]


@contextlib.contextmanager
def _tolerating(registry: str) -> Iterator[None]:
    """Skip a registry that is of another type, or has entries that are not RQ's."""
    try:
        yield
    except (redis.ResponseError, UnicodeDecodeError) as error:
        log.warning("expired jobs were not cleaned up", registry=registry, error=repr(error))


def _delete_foreign_keys(connection: redis.Redis, queues: Sequence[str]) -> None:
    """Delete keys named as queues that are not lists: they would keep workers from all queues."""
    for key in map(rq.Queue.redis_queue_namespace_prefix.__add__, queues):
        if connection.type(key) not in (b"list", b"none"):
            connection.delete(key)
            log.error("a key was deleted: it is named as a queue but is not a list", key=key)


def _work(redis_url: str, queues: Sequence[str], stop: _Stop, spans: Spans) -> None:
    logging.getLogger("rq.worker").setLevel(logging.ERROR)
    connection = queue.worker_connection(redis_url)
    was_away = False
    try:
        while True:
            try:
                _delete_foreign_keys(connection, queues)
                stop.worker = _Worker(
                    list(queues),
                    connection=connection,
                    serializer=untrusted.SERIALIZER,
                    job_class=untrusted.Job,
                    queue_class=untrusted.Queue,
                    worker_ttl=queue.WORKER_TTL_SECONDS,
                )
                stop.worker.spans = spans
                was_away = False
                # In turn, so that a flood of jobs in one queue keeps no other waiting.
                stop.worker.work(dequeue_strategy=rq.worker.DequeueStrategy.ROUND_ROBIN)
                if stop.requested:
                    return
                # RQ has logged why.
                log.warning("the worker was interrupted: it starts again after a pause")
            except redis_connection.AWAY as error:
                if not was_away:
                    log.warning("the worker waits: Redis is unreachable", error=repr(error))
                was_away = True
            stop.worker = None
            time.sleep(_PAUSE_SECONDS)
    finally:
        connection.close()


def _retry_failed(runner: asyncio.Runner, opened: services.JobServices) -> None:
    while True:
        try:
            count = runner.run(mails.retry_failed(opened.database))
        except errors.Unavailable as error:
            log.warning("the worker waits", reason=condition.explain(error.__cause__))
            time.sleep(_PAUSE_SECONDS)
        else:
            log.info("failed mails are due again", count=count)
            return
