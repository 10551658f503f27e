"""The queues between relays and workers: RQ on Redis, which may lose all of them at any time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import redis
import rq.exceptions
import rq.job
import rq.utils

from adapters import redis_connection
from jobs import reactions, untrusted
from jobs.kinds import Job
from jobs.spans import ContextOf, no_context

#: RQ waits for a job for this long less 15 seconds at a time.
WORKER_TTL_SECONDS = 20
#: A worker takes a job off the list a moment before it marks it as started.
_TAKING = timedelta(seconds=5)
#: What is appended to the id of a job that must run after one that has started. The second is for
#: when the worker of one of the others was killed: its job still counts as started for a while.
_FOLLOWERS = ("-next", "-next-2")


class JobQueue:
    """Puts jobs into their queues. Its calls block, and raise `redis_connection.AWAY`."""

    def __init__(self, redis_url: str) -> None:
        self._redis = redis_connection.connect_blocking(redis_url)
        self._queues = {
            name: untrusted.Queue(name, connection=self._redis, serializer=untrusted.SERIALIZER)
            for name in reactions.QUEUES
        }

    def close(self) -> None:
        self._redis.close()

    def put(self, jobs: Iterable[Job], context_of: ContextOf = no_context) -> None:
        """Queue each job, unless a job with its id is queued and has not started yet.

        A job that is queued already keeps the trace context that it has.
        """
        for job in dict.fromkeys(jobs):
            traceparent = context_of(job)
            followers = _FOLLOWERS if job.kind.follows_itself else ()
            for suffix in ("", *followers):
                if self._put(job, f"{job.id}{suffix}", traceparent):
                    break

    def _put(self, job: Job, job_id: str, traceparent: str | None) -> bool:
        """Whether a job with that id is now waiting to start; False if it is running."""
        queue = self._queues[job.kind.queue]
        while True:
            try:
                queue.enqueue_call(
                    job.kind.name,
                    args=job.arguments,
                    timeout=job.kind.timeout_seconds,
                    result_ttl=0,
                    failure_ttl=untrusted.FAILURE_KEPT_SECONDS,
                    description=job_id,
                    meta=None if traceparent is None else {untrusted.TRACEPARENT: traceparent},
                    job_id=job_id,
                    unique=True,
                )
            except rq.exceptions.DuplicateJobError:
                is_waiting = self._is_waiting(queue, job, job_id)
                if is_waiting is not None:
                    return is_waiting
                # It failed, or its worker was killed: only its key is left, and is in the way.
                self._redis.delete(rq.job.Job.key_for(job_id))
            else:
                return True

    def _is_waiting(self, queue: untrusted.Queue, job: Job, job_id: str) -> bool | None:
        """Whether it is waiting to start; False while it is running, None if it is neither.

        Nothing else in its key keeps it from being queued: others may write to Redis.
        """
        status, enqueued_at, started_at = self._fields(
            job_id, "status", "enqueued_at", "started_at"
        )
        if status == "queued":
            if _is_within(enqueued_at, _TAKING):
                return True
            if self._redis.lpos(queue.key, job_id) is not None:
                return True
        under_way = timedelta(seconds=job.kind.under_way_seconds)
        if status == "started" and _is_within(started_at, under_way):
            return False
        return None

    def _fields(self, job_id: str, *names: str) -> list[str | None]:
        try:
            values: list[Any] = self._redis.hmget(rq.job.Job.key_for(job_id), names)
        except redis.ResponseError:
            return [None] * len(names)
        return [None if value is None else value.decode("latin-1") for value in values]


def _is_within(instant: str | None, period: timedelta) -> bool:
    """Whether the instant was less than the period ago."""
    try:
        return timedelta() <= rq.utils.now() - rq.utils.utcparse(instant or "") < period
    except (ValueError, OverflowError):
        return False


def worker_connection(redis_url: str) -> redis.Redis:
    """The connection on which a worker waits for jobs.

    RQ would raise the timeout of its answers too, but only for connections that are opened later.
    """
    return redis_connection.connect_blocking(
        redis_url, timeout_seconds=WORKER_TTL_SECONDS, connect_seconds=5
    )
