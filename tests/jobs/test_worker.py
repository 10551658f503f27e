"""A worker: which queues it serves, and which data in Redis it tolerates."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
import redis

from dev import channels, mail_catcher
from dev.processes import Child
from persistence.people import registrations
from tests.books import Books
from tests.conftest import make_settings
from tests.jobs.running import environment
from tests.waiting import PATIENCE_SECONDS, until

pytestmark = pytest.mark.anyio

Start = Callable[..., Child]


@pytest.fixture
def memory(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


async def test_a_worker_serves_only_the_queues_that_it_is_given(
    books: Books,
    start_process: Start,
    start_channels: Callable[[], channels.Channels],
    start_mail_catcher: Callable[[], mail_catcher.MailCatcher],
    memory: redis.Redis,
    redis_url: str,
) -> None:
    catcher, server = start_mail_catcher(), start_channels()
    settings = make_settings(
        database_url=books.url,
        redis_url=redis_url,
        smtp_url=catcher.url,
        **{name.lower(): value for name, value in server.environment.items()},
    )
    zoe = books.join()
    await books.add(zoe)
    await registrations.register(
        books.database, name="New", email="new@example.org", password_hash="-"
    )
    start_process("relay", settings)
    start_process("worker", settings, "--queues", "mail")
    await until(lambda: len(catcher.mails()) == 1, PATIENCE_SECONDS)
    await until(
        lambda: memory.lrange("rq:queue:push", 0, -1) == [f"pusher-{zoe.user_id}".encode()],
        PATIENCE_SECONDS,
    )
    assert memory.scard("rq:workers:push") == 0
    start_process("worker", settings, "--queues", " push , mail ")
    await until(lambda: memory.llen("rq:queue:push") == 0, PATIENCE_SECONDS)


async def test_an_unknown_queue_is_refused(books: Books, redis_url: str) -> None:
    settings = make_settings(database_url=books.url, redis_url=redis_url)
    done = subprocess.run(  # noqa: ASYNC221
        [sys.executable, "-m", "app.cli", "worker", "--queues", "mail,fax"],
        env=environment(settings),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "--queues takes one or more of push, webhooks, mail" in done.stderr


async def test_what_has_the_name_of_a_queue_or_registry_stops_no_worker(
    books: Books,
    start_process: Start,
    start_mail_catcher: Callable[[], mail_catcher.MailCatcher],
    memory: redis.Redis,
    redis_url: str,
) -> None:
    catcher = start_mail_catcher()
    settings = make_settings(database_url=books.url, redis_url=redis_url, smtp_url=catcher.url)
    memory.set("rq:wip:push", "no registry")
    memory.zadd("rq:wip:mail", {"expired:1": 1})
    worker = start_process("worker", settings)
    await until(lambda: "has started" in worker.log.read_text(), PATIENCE_SECONDS)
    await until(lambda: memory.zcard("rq:wip:mail") == 0, PATIENCE_SECONDS)
    memory.set("rq:queue:push", "no queue")
    await until(lambda: "starts again after a pause" in worker.log.read_text(), PATIENCE_SECONDS)
    await until(lambda: "named as a queue" in worker.log.read_text(), PATIENCE_SECONDS)
    await registrations.register(
        books.database, name="New", email="new@example.org", password_hash="-"
    )
    start_process("relay", settings)
    await until(lambda: len(catcher.mails()) == 1, PATIENCE_SECONDS)
    assert worker.running
