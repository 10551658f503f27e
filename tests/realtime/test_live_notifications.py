"""Streams of notifications, each passed on exactly once, whatever Redis does."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable

import pytest
import redis

from adapters.realtime import Hints
from dev import valkey
from domain import events
from domain.notifications.notices import Notice
from domain.notifications.notification_kinds import NotificationKind
from domain.notifications.views import View
from persistence.engine import unit_of_work
from persistence.notifications import notifying
from realtime.subscriptions import Subscription
from tests import books as making
from tests.books import Books, Someone
from tests.realtime.test_live import NEVER_SECONDS, NOWHERE, living

pytestmark = pytest.mark.anyio


@pytest.fixture
async def books(database_url: str) -> AsyncIterator[Books]:
    async with making.opened(database_url) as opened:
        yield opened


async def take(stream: Subscription[View], count: int) -> list[int]:
    """The next numbers that the stream passes on."""
    async with asyncio.timeout(20):
        return [(await anext(stream)).notification.number for _ in range(count)]


async def notify(books: Books, someone: Someone) -> None:
    notice = Notice(someone.user_id, NotificationKind.WEBHOOK_DISABLED)
    await unit_of_work.run(books.database, lambda unit: notifying.notify(unit, [notice]))


async def test_hints_of_both_topics_in_any_order_deliver_once_and_in_order(
    books: Books, redis_url: str
) -> None:
    alpha, beta = await books.pair()
    relay = await Hints.open(redis_url)
    told: list[tuple[object, events.Event]] = []
    async with living(books, redis_url, NEVER_SECONDS) as live:
        stream = live.notifications(beta.user_id, None)
        await stream.start()
        for number in range(1, 21):
            if number % 2:
                moved = await books.send(alpha, beta)
                [created] = moved.notifications
                assert created.number == number
                hint: events.Event = events.TransactionPosted(number // 2 + 1, number)
            else:
                await notify(books, beta)
                hint = events.NotificationCreated(number)
            told.append((beta.user_id, hint))
        told *= 2
        random.Random(7).shuffle(told)
        await relay.publish(told)  # type: ignore[arg-type]
        assert await take(stream, 20) == [*range(1, 21)]
        stream.close()
    await relay.close()


async def test_without_redis_polling_delivers_what_was_missed_and_what_comes(books: Books) -> None:
    alpha, beta = await books.pair()
    await books.send(alpha, beta)
    async with living(books, NOWHERE, 0.05) as live:
        stream = live.notifications(beta.user_id, 0)
        assert await take(stream, 1) == [1]
        await books.send(alpha, beta)
        await notify(books, beta)
        assert await take(stream, 2) == [2, 3]
        stream.close()


async def test_a_redis_that_takes_connections_and_never_answers_delays_nothing_for_long(
    books: Books, start_valkey: Callable[[], valkey.Valkey]
) -> None:
    alpha, beta = await books.pair()
    server = start_valkey()
    async with living(books, server.url, 0.05) as live:
        stream = live.notifications(beta.user_id, 0)
        await books.send(alpha, beta)
        assert await take(stream, 1) == [1]
        with redis.Redis.from_url(server.url) as memory:
            memory.client_pause(60_000)
            await books.send(alpha, beta)
            assert await take(stream, 1) == [2]
        stream.close()


async def test_a_hint_that_is_not_true_delivers_nothing(books: Books, redis_url: str) -> None:
    alpha, beta = await books.pair()
    relay = await Hints.open(redis_url)
    async with living(books, redis_url, NEVER_SECONDS) as live:
        stream = live.notifications(beta.user_id, None)
        await stream.start()
        await relay.publish([(beta.user_id, events.NotificationCreated(99))])
        await relay.publish([(alpha.user_id, events.NotificationCreated(1))])
        await books.send(alpha, beta)
        await relay.publish([(beta.user_id, events.NotificationCreated(1))])
        assert await take(stream, 1) == [1]
        stream.close()
    await relay.close()
