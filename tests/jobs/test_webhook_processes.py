"""Webhooks with relays and workers as processes, which are killed in the middle of a delivery."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

import pytest
import redis

from dev import mail_catcher
from dev.processes import Child
from domain.webhooks import WebhookStream
from persistence.people import registrations
from persistence.webhooks import secrets
from persistence.webhooks import webhooks as stored
from tests.books import Books, Someone
from tests.conftest import make_settings
from tests.receivers import Request, receiving, says, sends
from tests.waiting import PATIENCE_SECONDS, until

pytestmark = pytest.mark.anyio


async def create(books: Books, someone: Someone, url: str) -> None:
    await stored.create(
        books.database,
        secrets.keyring(make_settings().jwt_secrets),
        someone.principal,
        url=url,
        stream=WebhookStream.WALLET_EVENTS,
        document="subscription { walletEvents { sequence } }",
        after_number=0,
    )


async def test_a_killed_worker_and_a_forgetful_redis_lose_no_event(
    books: Books, redis_url: str, start_process: Callable[..., Child]
) -> None:
    settings = make_settings(database_url=books.url, redis_url=redis_url)
    zoe = books.join()
    reached, kept = asyncio.Event(), asyncio.Event()

    async def holding(_request: Request, _writer: asyncio.StreamWriter) -> None:
        reached.set()
        await kept.wait()

    start_process("relay", settings)
    worker = start_process("worker", settings, "--queues", "webhooks")
    async with receiving() as receiver:
        await create(books, zoe, receiver.url)
        for _ in range(3):
            await books.add(zoe)
        await until(lambda: receiver.numbers == [1, 2, 3], PATIENCE_SECONDS)

        receiver.answer = holding
        await books.add(zoe)
        await asyncio.wait_for(reached.wait(), PATIENCE_SECONDS)
        worker.signal(signal.SIGKILL)
        receiver.answer = says(200)
        with redis.Redis.from_url(redis_url) as memory:
            memory.flushdb()
        await books.add(zoe)
        # As if the lease of the killed worker had ended.
        books.connection.execute("UPDATE webhooks SET leased_until = now()")
        restarted = start_process("worker", settings)
        await until(lambda: receiver.numbers == [1, 2, 3, 4, 4, 5], PATIENCE_SECONDS)
        kept.set()

        # A worker that is told to stop finishes what is under way.
        answered = asyncio.Event()
        reached.clear()

        async def stopping(request: Request, writer: asyncio.StreamWriter) -> None:
            restarted.signal(signal.SIGTERM)
            reached.set()
            await says(200)(request, writer)
            answered.set()

        receiver.answer = stopping
        await books.add(zoe)
        await asyncio.wait_for(answered.wait(), PATIENCE_SECONDS)
        await until(lambda: not restarted.running, PATIENCE_SECONDS)
        assert restarted.exit_status == 0
        assert receiver.numbers[-1] == 6
        found = await stored.list_for(books.database, zoe.principal)
        assert [webhook.delivered_through for webhook in found] == [6]


async def test_endpoints_that_hang_delay_no_mail(
    books: Books,
    redis_url: str,
    start_process: Callable[..., Child],
    start_mail_catcher: Callable[[], mail_catcher.MailCatcher],
) -> None:
    catcher = start_mail_catcher()
    settings = make_settings(database_url=books.url, redis_url=redis_url, smtp_url=catcher.url)
    people = [books.join() for _ in range(10)]
    start_process("relay", settings)
    start_process("worker", settings)
    async with receiving(sends()) as dead, receiving() as healthy:
        for someone in people:
            await create(books, someone, dead.url)
            await books.add(someone)
        await until(lambda: len(dead.requests) == 10, PATIENCE_SECONDS)
        await registrations.register(
            books.database, name="New", email="new@example.org", password_hash="-"
        )
        await create(books, people[0], healthy.url)
        await until(lambda: catcher.mails() and healthy.numbers == [1], PATIENCE_SECONDS)
