"""Notifications after the commit: hints, pushes in their order, and mails to who wants them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable

import pytest
import redis
from structlog.testing import capture_logs

from dev import channels
from domain import events
from domain.notifications.notices import Notice
from domain.notifications.notification_kinds import NotificationKind
from domain.people.sessions import Scope
from jobs import mail
from jobs import services as job_services
from jobs.services import JobServices
from jobs.sinks import delivery, payloads, table
from persistence.delivery import cursors, epochs, mails
from persistence.delivery.cursors import Receiver
from persistence.engine import unit_of_work
from persistence.notifications import notification_views, notifying, preferences
from persistence.people import api_tokens
from schema import notifications, plain
from settings import Settings
from tests.books import LIMITS, Books, Someone
from tests.conftest import make_settings
from tests.dev.faulty_smtp import FaultySmtp
from tests.jobs.channel import listening, take
from tests.jobs.running import relaying
from tests.jobs.test_relay import Ear, is_all_told
from tests.waiting import until

pytestmark = pytest.mark.anyio

PUSHER = table.by_name("pusher-notifications")


@pytest.fixture
def pushing(
    books: Books, start_channels: Callable[[], channels.Channels], redis_url: str
) -> Settings:
    environment = {name.lower(): value for name, value in start_channels().environment.items()}
    return make_settings(database_url=books.url, redis_url=redis_url, **environment)


@pytest.fixture
async def services(pushing: Settings) -> AsyncIterator[JobServices]:
    async with job_services.opened(pushing) as opened:
        yield opened


async def push(services: JobServices, someone: Someone) -> None:
    await delivery.deliver(services, Receiver(PUSHER.name, someone.user_id, someone.user_id))


async def notify(books: Books, someone: Someone) -> None:
    notice = Notice(someone.user_id, NotificationKind.WEBHOOK_DISABLED)
    await unit_of_work.run(books.database, lambda unit: notifying.notify(unit, [notice]))


# ================================================================ pushes


async def test_all_notifications_are_pushed_in_order_over_many_batches(
    books: Books, services: JobServices, pushing: Settings
) -> None:
    alpha, beta = await books.pair()
    async with listening(pushing, beta) as socket:
        for number in range(1, 24):
            await (books.send(alpha, beta) if number % 3 else notify(books, beta))
        await asyncio.gather(*(push(services, beta) for _ in range(3)))
        heard = await take(socket, 23, event=events.PUSHER_NOTIFICATION)
        assert heard == [*range(1, 24)]
        await push(services, beta)
        await books.send(alpha, beta)
        await push(services, beta)
        assert await take(socket, 1, event=events.PUSHER_NOTIFICATION) == [24]


async def test_a_push_is_the_notification_as_graphql_shows_it(
    books: Books, services: JobServices, pushing: Settings
) -> None:
    alpha, beta = await books.pair()
    await books.send(alpha, beta, "1.50", note="lunch")
    async with listening(pushing, beta) as socket, asyncio.timeout(20):
        await push(services, beta)
        message = json.loads(await socket.recv())
    assert message["event"] == "notification.created"
    data = json.loads(message["data"])
    [view] = await notification_views.by_numbers(books.database, beta.user_id, [1])
    epoch = await epochs.current(books.database)
    shown = plain.as_json(notifications.shown(view, LIMITS.currency))
    assert data == {**shown, "epoch": str(epoch.epoch_id)}
    assert data["message"] == "Alpha sent you 1.50 USD."
    assert data["transaction"]["note"] == "lunch"
    assert json.loads(payloads.notification_created(view, LIMITS.currency, epoch)) == data


async def test_a_token_that_may_not_read_transactions_hears_of_no_notification(
    books: Books, services: JobServices, pushing: Settings
) -> None:
    alpha, beta = await books.pair()
    created = [
        await api_tokens.create(
            books.database, beta.principal, name="till", scopes=[scope],
            daily_limit_minor=None, expires_at=None,
        )
        for scope in (Scope.READ_TRANSACTIONS, Scope.SEND_MONEY)
    ]  # fmt: skip
    reading, sending = (token.api_token_id for token, _ in created)
    await books.send(alpha, beta)
    async with (
        listening(pushing, beta, reading) as reader,
        listening(pushing, beta, sending) as sender,
    ):
        await push(services, beta)
        assert await take(reader, 3, event=events.PUSHER_NOTIFICATION) == [1, 2, 3]
        await sender.send(json.dumps({"event": "pusher:ping", "data": {}}))
        assert json.loads(await sender.recv())["event"] == "pusher:pong"


# ================================================================ the relay


async def test_the_relay_hints_at_notifications_and_queues_their_deliveries(
    books: Books, pushing: Settings, redis_url: str
) -> None:
    alpha, beta = await books.pair()
    async with Ear(redis_url, beta) as ear, relaying(pushing):
        await books.send(alpha, beta)
        await notify(books, beta)
        await until(lambda: len(ear.heard) == 2)
        assert {hint for _, hint in ear.heard} == {
            events.TransactionPosted(1, notification_number=1),
            events.NotificationCreated(2),
        }
        await until(lambda: is_all_told(books))
    with redis.Redis.from_url(redis_url, decode_responses=True) as memory:
        queued = memory.lrange("rq:queue:push", 0, -1)
    assert f"pusher-notifications-{beta.user_id}" in queued
    assert f"pusher-notifications-{alpha.user_id}" not in queued
    lag = await cursors.lag(books.database)
    assert (lag["pusher-notifications"].receivers, lag["pusher"].receivers) == (1, 2)


# ================================================================ mails


async def test_the_mail_of_a_notification_names_who_it_is_about_as_they_are_when_it_is_sent(
    books: Books, start_smtp: Callable[[], FaultySmtp]
) -> None:
    alpha, beta = await books.pair()
    await preferences.set_mailed(books.database, beta.principal, ["money_received"])
    await books.send(alpha, beta, "1.50")
    books.connection.execute("UPDATE users SET name = 'Al' WHERE id = %s", [alpha.user_id])
    [(user_id, mail_id)] = await mails.due(books.database, 10)
    smtp = start_smtp()
    settings = make_settings(database_url=books.url, smtp_url=smtp.url)
    async with job_services.opened(settings) as services:
        await mail.send(services, user_id, mail_id)
    (sent,) = smtp.mails
    assert (sent["to"], sent["subject"]) == (beta.email, "You received money")
    assert "Al sent you 1.50 USD." in sent["text"]


async def test_a_mail_of_a_notification_that_is_gone_waits_and_is_reported(
    books: Books, start_smtp: Callable[[], FaultySmtp]
) -> None:
    alpha, beta = await books.pair()
    await preferences.set_mailed(books.database, beta.principal, ["money_received"])
    await books.send(alpha, beta)
    books.connection.execute("DELETE FROM notifications")
    [(user_id, mail_id)] = await mails.due(books.database, 10)
    smtp = start_smtp()
    settings = make_settings(database_url=books.url, smtp_url=smtp.url)
    async with job_services.opened(settings) as services:
        with capture_logs() as logs:
            await mail.send(services, user_id, mail_id)
    assert [entry["event"] for entry in logs] == [
        "a mail was not sent: this release cannot read its details"
    ]
    assert smtp.mails == []
    assert (await mails.counts(books.database))["pending"] == 1
