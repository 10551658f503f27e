"""Job queues: one job per id, none lost, and one more queued if one is running."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta

import pytest
import redis
import rq
import rq.job
import rq.utils

from jobs import due_work, queue, untrusted
from jobs.sinks import table
from persistence.delivery.cursors import Receiver

USER_ID = uuid.uuid4()
PUSH = table.by_name("pusher").job(Receiver("pusher", USER_ID, USER_ID))
MAIL = due_work.MAILS.job(USER_ID, uuid.uuid4())


@pytest.fixture
def memory(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def jobs(redis_url: str) -> Iterator[queue.JobQueue]:
    opened = queue.JobQueue(redis_url)
    yield opened
    opened.close()


def queued(memory: redis.Redis, name: str) -> list[str]:
    return [job_id.decode() for job_id in memory.lrange(f"rq:queue:{name}", 0, -1)]


def change(memory: redis.Redis, job_id: str, **fields: str) -> None:
    memory.hset(rq.job.Job.key_for(job_id), mapping=fields)


def ago(seconds: float) -> str:
    return rq.utils.utcformat(rq.utils.now() - timedelta(seconds=seconds))


def test_a_job_is_queued_once(jobs: queue.JobQueue, memory: redis.Redis) -> None:
    jobs.put([PUSH, MAIL, PUSH])
    jobs.put([PUSH, MAIL])
    assert queued(memory, "push") == [PUSH.id]
    assert queued(memory, "mail") == [MAIL.id]


def test_what_is_in_redis_is_data_and_no_code(jobs: queue.JobQueue, memory: redis.Redis) -> None:
    jobs.put([MAIL])
    job = rq.job.Job.fetch(MAIL.id, connection=memory, serializer=untrusted.SERIALIZER)
    assert job.func_name == "jobs.mail.send_mail"
    assert tuple(job.args) == MAIL.arguments
    assert job.result_ttl == 0
    assert job.timeout == MAIL.kind.timeout_seconds


def test_one_under_way_is_followed_by_one_more(jobs: queue.JobQueue, memory: redis.Redis) -> None:
    jobs.put([PUSH, MAIL])
    for job in (PUSH, MAIL):
        memory.delete(f"rq:queue:{job.kind.queue}")
        change(memory, job.id, status="started", started_at=ago(1))
    jobs.put([PUSH, MAIL, PUSH])
    jobs.put([PUSH])
    assert queued(memory, "push") == [f"{PUSH.id}-next"]
    assert queued(memory, "mail") == []


def test_one_left_by_a_killed_worker_does_not_keep_the_next_from_being_queued(
    jobs: queue.JobQueue, memory: redis.Redis
) -> None:
    for job_id in (PUSH.id, f"{PUSH.id}-next"):
        jobs.put([PUSH])
        assert queued(memory, "push") == [job_id]
        memory.delete("rq:queue:push")
        change(memory, job_id, status="started", started_at=ago(1))
    jobs.put([PUSH])
    jobs.put([PUSH])
    assert queued(memory, "push") == [f"{PUSH.id}-next-2"]


@pytest.mark.parametrize(
    "state",
    [
        {"status": "failed"},
        {"status": "started", "started_at": ago(1000)},
        {
            "status": "started",
            "started_at": ago(due_work.MAILS.job(USER_ID, USER_ID).kind.under_way_seconds),
        },
        {"status": "queued", "enqueued_at": ago(1000)},
        {"status": ""},
    ],
)
def test_a_job_without_a_worker_is_replaced(
    jobs: queue.JobQueue, memory: redis.Redis, state: dict[str, str]
) -> None:
    jobs.put([MAIL])
    memory.delete("rq:queue:mail")
    change(memory, MAIL.id, **state)
    jobs.put([MAIL])
    assert queued(memory, "mail") == [MAIL.id]


def test_a_job_that_waits_long_is_left_where_it_is(
    jobs: queue.JobQueue, memory: redis.Redis
) -> None:
    jobs.put([MAIL])
    change(memory, MAIL.id, enqueued_at=ago(1000))
    jobs.put([MAIL])
    assert queued(memory, "mail") == [MAIL.id]


def test_a_redis_that_forgot_everything_is_given_it_again(
    jobs: queue.JobQueue, memory: redis.Redis
) -> None:
    jobs.put([MAIL])
    memory.flushdb()
    memory.script_flush()
    jobs.put([MAIL])
    assert queued(memory, "mail") == [MAIL.id]


def test_a_worker_may_wait_for_a_job_longer_than_for_any_answer(redis_url: str) -> None:
    with queue.worker_connection(redis_url) as connection:
        # Opened before RQ raises the timeout of later ones.
        connection.ping()
        [opened] = connection.connection_pool._available_connections
        worker = rq.SimpleWorker(
            ["mail"], connection=connection, worker_ttl=queue.WORKER_TTL_SECONDS
        )
        assert opened.socket_timeout >= worker.connection_timeout > worker.dequeue_timeout
        assert opened.socket_connect_timeout < 10
