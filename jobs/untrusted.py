"""RQ's job and queue for an untrusted Redis: write access to it is not enough to run code in a worker.

RQ calls any function that a job or its callbacks name, sends its webhooks, restores its dependents, and
deserializes several fields. Here a job is a name on the allow-list (`reactions.KINDS`) and a list of
strings; nothing else that Redis contains about it has an effect.
"""

from __future__ import annotations

import functools
import json
import pkgutil
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import redis
import rq
import rq.exceptions
import rq.job
import structlog
from rq.serializers import JSONSerializer

from jobs import reactions
from jobs.kinds import Kind

log = structlog.get_logger()

#: Never pickle, which can run code.
SERIALIZER = JSONSerializer
FAILURE_KEPT_SECONDS = 24 * 3600
_DATA_MAXIMUM_BYTES = 4096
#: The key of a job's metadata under which its trace context is.
TRACEPARENT = "traceparent"
_META_MAXIMUM_BYTES = 200


class NotAllowed(Exception):
    """The job is not one that workers of this release run."""


class Job(rq.job.Job):
    """A job read from Redis. One that is not allowed fails when it is run, and is kept as failed."""

    kind_name = "unknown"
    #: The trace in which it was queued.
    traceparent: str | None = None
    has_failed = False

    def restore(self, raw_data: Mapping[bytes, bytes]) -> None:
        """Read the call; set everything else from its kind."""
        self.data = _unpacked(raw_data.get(b"data", b""))
        self.description = self.id
        self.result_ttl = 0
        self.failure_ttl = FAILURE_KEPT_SECONDS
        self._status = rq.job.JobStatus.QUEUED
        self.traceparent = _traceparent(raw_data.get(b"meta"))
        try:
            kind = self._kind()
        except NotAllowed:
            kind = None
        self.kind_name = "unknown" if kind is None else kind.name
        self.origin = kind.queue if kind is not None else reactions.QUEUES[0]
        self.timeout = kind.timeout_seconds if kind is not None else None

    def refresh(self) -> None:
        try:
            super().refresh()  # type: ignore[no-untyped-call]
        except redis.ResponseError as error:
            # The key of the job is not a hash.
            raise rq.exceptions.NoSuchJobError(str(error)) from error

    @property
    def func(self) -> functools.partial[None]:
        """The allowed function. Raises NotAllowed."""
        kind = self._kind()
        return functools.partial(pkgutil.resolve_name(kind.function), *kind.first_arguments)

    def _execute(self) -> None:
        try:
            self.func(*self.args)
        except BaseException:
            self.has_failed = True
            raise

    def _kind(self) -> Kind:
        try:
            name, instance, arguments, named = json.loads(self.data)
            kind = reactions.KINDS.get(name)
        except (ValueError, TypeError, RecursionError) as error:
            raise NotAllowed("a job that cannot be read") from error
        is_call = isinstance(arguments, list) and all(isinstance(each, str) for each in arguments)
        if kind is None or instance is not None or named != {} or not is_call:
            raise NotAllowed(f"a call of {str(name)[:100]!r}")
        return kind


class Queue(rq.Queue):
    """A queue of such jobs."""

    job_class = Job

    @classmethod
    def lpop(
        cls,
        queue_keys: Sequence[str],
        timeout: int | None,
        connection: redis.Redis | None = None,
    ) -> Any:
        """The next well-formed job id; malformed ones are dropped."""
        while True:
            popped = super().lpop(queue_keys, timeout, connection=connection)
            if popped is None or _is_job_id(popped[1]):
                return popped
            log.error("a job was dropped: its id is malformed", job_id=repr(popped[1])[:100])

    def move_dependents_to_ready(self, *_arguments: Any, **_options: Any) -> dict[str, list[str]]:
        """Jobs of this service have no dependents."""
        return {}


def _unpacked(data: bytes) -> bytes:
    """Decompress what RQ compressed, up to a size that no job of this service has."""
    try:
        return zlib.decompressobj().decompress(data, _DATA_MAXIMUM_BYTES)
    except zlib.error:
        return b""


def _traceparent(meta: bytes | None) -> str | None:
    """The trace context in a job's metadata; None for anything else."""
    if meta is None or len(meta) > _META_MAXIMUM_BYTES:
        return None
    try:
        found = json.loads(meta)
    except ValueError:
        return None
    given = found.get(TRACEPARENT) if isinstance(found, dict) else None
    return given if isinstance(given, str) else None


def _is_job_id(job_id: bytes) -> bool:
    return rq.job.JOB_ID_PATTERN.fullmatch(job_id.decode("latin-1")) is not None
