"""Write access to Redis cannot make a worker do anything but push and send what the database contains."""

from __future__ import annotations

import json
import pickle
import uuid
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import rq.job

from dev import mail_catcher
from dev.processes import Child
from jobs import due_work, queue, reactions, untrusted
from persistence.people import registrations
from tests.books import Books
from tests.conftest import make_settings
from tests.jobs import hostile
from tests.waiting import until

pytestmark = pytest.mark.anyio

FUNCTION = "tests.jobs.hostile.leave_mark"
MAIL = "jobs.mail.send_mail"
WEBHOOK = {"url": "http://127.0.0.1:9/", "job_status": "failed", "method": "POST", "timeout": 1}


@pytest.fixture
def memory(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where what was called leaves a mark."""
    tmp_path.chmod(0o777)
    monkeypatch.setenv("MARKS", str(tmp_path))
    return tmp_path


def call(function: object = FUNCTION, *, instance: object = None, named: object = None) -> bytes:
    return zlib.compress(json.dumps([function, instance, ["a", "b"], named or {}]).encode())


PICKLE = pickle.dumps(hostile.Pickled())

#: Jobs as a stranger would write them, by id.
JOBS: dict[str, dict[str, Any]] = {
    "any-function": {"data": call()},
    "a-method": {"data": call("format", instance="text")},
    "an-unknown-function": {"data": call("jobs.mail.no_such_thing")},
    "named-arguments": {"data": call(MAIL, named={"user_id": "a"})},
    "arguments-of-nobody": {"data": call(MAIL)},
    "pickled": {"data": PICKLE},
    "pickled-and-packed": {"data": zlib.compress(PICKLE)},
    "pickled-fields": {"data": call(MAIL), "meta": PICKLE, "result": PICKLE},
    "unreadable-fields": {"data": call(MAIL), "timeout": "x", "status": "x", "created_at": "x"},
    "no-data": {"origin": "push"},
    "nested": {"data": b"[" * 3000},
    "unpacks-to-much": {"data": zlib.compress(b" " * 50_000_000)},
    "callbacks": {
        "data": call(MAIL),
        "success_callback_name": FUNCTION,
        "failure_callback_name": FUNCTION,
        "stopped_callback_name": FUNCTION,
        "retries_left": 5,
        "repeats_left": 5,
        "dependency_ids": json.dumps(["any-function"]),
        "webhooks": json.dumps([WEBHOOK]),
        "timeout": -1,
    },
}


def write(memory: redis.Redis) -> None:
    """Queue all of them, and names that no job can have."""
    for job_id, fields in JOBS.items():
        origin = {"origin": "mail", "status": "queued", "result_ttl": "-1"}
        memory.hset(f"rq:job:{job_id}", mapping={**origin, **fields})
    memory.set("rq:job:a-text", "no hash")
    memory.zadd("rq:ready:mail", {"not a job's id": 1})
    memory.zadd("rq:wip:mail", {"callbacks:1": 1, "not a job's id": 1})
    memory.sadd("rq:job:arguments-of-nobody:dependents", "any-function", "not a job's id")
    memory.rpush("rq:queue:mail", "a-text", "not a job's id", b"\xff\xfe", *JOBS)


async def test_jobs_of_a_stranger_are_set_aside_unexecuted_and_the_queue_goes_on(
    books: Books,
    start_process: Callable[..., Child],
    start_mail_catcher: Callable[[], mail_catcher.MailCatcher],
    memory: redis.Redis,
    redis_url: str,
    marks: Path,
) -> None:
    catcher = start_mail_catcher()
    settings = make_settings(database_url=books.url, redis_url=redis_url, smtp_url=catcher.url)
    write(memory)
    worker = start_process("worker", settings)
    await registrations.register(
        books.database, name="New", email="new@example.org", password_hash="-"
    )
    start_process("relay", settings)
    await until(lambda: len(catcher.mails()) == 1)
    await until(lambda: memory.llen("rq:queue:mail") == 0)
    failed = {
        job_id.decode()
        for name in reactions.QUEUES
        for job_id in memory.zrange(f"rq:failed:{name}", 0, -1)
    }
    assert failed == set(JOBS)
    assert not any(marks.iterdir())  # noqa: ASYNC240
    said = worker.log.read_text()
    assert worker.running
    assert all(job_id in said for job_id in JOBS)
    assert "its id is malformed" in said
    assert "Redis is unreachable" not in said


def read(memory: redis.Redis, job_id: str) -> untrusted.Job:
    return untrusted.Job.fetch(job_id, connection=memory, serializer=untrusted.SERIALIZER)


def test_of_a_job_nothing_is_believed_but_its_call(memory: redis.Redis, marks: Path) -> None:
    write(memory)
    for job_id, fields in JOBS.items():
        job = read(memory, job_id)
        assert job.success_callback is None
        assert job.failure_callback is None
        assert job.stopped_callback is None
        assert (job.webhooks, job.meta, job.retries_left, job.repeats_left) == ([], {}, None, None)
        assert not job.has_rate_limit
        assert (job.result_ttl, job.failure_ttl) == (0, untrusted.FAILURE_KEPT_SECONDS)
        assert job.timeout in (None, 60, 170)
        assert len(job.data) <= 4096
        if fields.get("data") != call(MAIL):
            with pytest.raises(untrusted.NotAllowed):
                job.perform()
    assert list(marks.iterdir()) == []


def test_every_allowed_function_is_there() -> None:
    for kind in reactions.KINDS.values():
        job = untrusted.Job("some-id", connection=redis.Redis(), serializer=untrusted.SERIALIZER)
        job.restore({b"data": call(kind.name)})
        called = job.func
        assert f"{called.func.__module__}.{called.func.__name__}" == kind.function
        assert called.args == kind.first_arguments
        assert (job.origin, job.timeout) == (kind.queue, kind.timeout_seconds)


@pytest.mark.parametrize(
    "written",
    [
        {"status": "started", "started_at": "9999-01-01T00:00:00.000000Z"},
        {"status": "started", "started_at": "now", "timeout": "999999999"},
        {"status": "queued", "enqueued_at": b"\xff"},
        {},
    ],
)
def test_a_key_written_by_a_stranger_keeps_no_job_from_its_queue(
    memory: redis.Redis, redis_url: str, written: dict[str, Any]
) -> None:
    job = due_work.MAILS.job(uuid.uuid4(), uuid.uuid4())
    key = rq.job.Job.key_for(job.id)
    if written:
        memory.hset(key, mapping=written)
    else:
        memory.set(key, "no hash")
    jobs = queue.JobQueue(redis_url)
    jobs.put([job])
    jobs.close()
    assert memory.lrange("rq:queue:mail", 0, -1) == [job.id.encode()]


async def test_a_worker_survives_lists_of_workers_and_jobs_that_a_stranger_wrote(
    start_process: Callable[..., Child], memory: redis.Redis, redis_url: str
) -> None:
    memory.sadd("rq:workers:mail", b"\xff\xfe", "rq:worker:nobody")
    memory.sadd("rq:workers:push", b"\xff\xfe")
    memory.zadd("rq:wip:mail", {b"\xff\xfe": 1})
    worker = start_process("worker", make_settings(redis_url=redis_url))
    memory.rpush("rq:queue:push", b"\xff\xfe")
    await until(lambda: not worker.running or memory.llen("rq:queue:push") == 0)
    assert worker.running, worker.log_tail()
