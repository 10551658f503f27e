"""The queues between the relay and the workers: RQ on Redis, which may forget all of it at any time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import redis
import rq
import rq.exceptions
import rq.job
import rq.utils
from rq.serializers import JSONSerializer

from adapters import redis_connection
from jobs import reactions

#: What is written to Redis is data, never pickled code.
SERIALIZER = JSONSerializer
_FAILURE_KEPT_SECONDS = 24 * 3600
#: A worker takes a job off the list a moment before it says that it has begun.
_TAKING = timedelta(seconds=5)
_LOST = timedelta(seconds=10)


class JobQueue:
    """Where jobs are put. Its calls block; they raise `redis_connection.AWAY` where Redis is away."""

    def __init__(self, redis_url: str) -> None:
        self._redis = redis_connection.connect_blocking(redis_url)
        self._queues = {
            name: rq.Queue(name, connection=self._redis, serializer=SERIALIZER)
            for name in reactions.QUEUES
        }

    def close(self) -> None:
        self._redis.close()

    def put(self, jobs: Iterable[reactions.Job]) -> None:
        """Queue each job, unless one of its id is queued already and has yet to begin."""
        for job in dict.fromkeys(jobs):
            if not self._put(job, job.id) and job.follows_itself:
                self._put(job, f"{job.id}-next")

    def _put(self, job: reactions.Job, job_id: str) -> bool:
        """Whether such a job is now waiting to begin; False when it is under way."""
        queue = self._queues[job.queue]
        while True:
            try:
                queue.enqueue_call(
                    job.function,
                    args=job.arguments,
                    timeout=job.timeout_seconds,
                    result_ttl=0,
                    failure_ttl=_FAILURE_KEPT_SECONDS,
                    description=job_id,
                    job_id=job_id,
                    unique=True,
                )
            except rq.exceptions.DuplicateJobError:
                key = rq.job.Job.key_for(job_id)
                is_waiting = self._is_waiting(queue, job_id, key)
                if is_waiting is not None:
                    return is_waiting
                # It failed, or the worker that had it is gone: its key alone stands in the way.
                self._redis.delete(key)
            else:
                return True

    def _is_waiting(self, queue: rq.Queue, job_id: str, key: str) -> bool | None:
        """Whether it has yet to begin; False while it is under way, None where nobody has it."""
        status, enqueued_at, started_at, timeout = self._fields(
            key, "status", "enqueued_at", "started_at", "timeout"
        )
        now = rq.utils.now()
        if status == "queued" and enqueued_at:
            if now - rq.utils.utcparse(enqueued_at) < _TAKING:
                return True
            if self._redis.lpos(queue.key, job_id) is not None:
                return True
        elif status == "started" and started_at:
            allowed = timedelta(seconds=int(timeout or 0)) + _LOST
            if now - rq.utils.utcparse(started_at) < allowed:
                return False
        return None

    def _fields(self, key: str, *names: str) -> list[str | None]:
        values: list[Any] = self._redis.hmget(key, names)
        return [value.decode() if value is not None else None for value in values]


def worker_connection(redis_url: str) -> redis.Redis:
    """The connection of a worker, which waits for jobs on it."""
    return redis_connection.connect_blocking(redis_url, timeout_seconds=5)
