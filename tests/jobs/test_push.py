"""Pushing: every entry, in order, at least once, whatever the Channels server does."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from uuid import UUID

import pytest
import redis
from structlog.testing import capture_logs

from dev import channels
from domain import ids
from domain.people.sessions import Scope
from jobs import services as job_services
from jobs.breaker import Breaker
from jobs.services import JobServices
from jobs.sinks import delivery, table
from persistence.delivery.cursors import Receiver
from persistence.people import api_tokens, sessions
from settings import Settings
from tests import row_changes
from tests.books import Books, Someone
from tests.conftest import make_settings
from tests.jobs.channel import listening, take

pytestmark = pytest.mark.anyio


@pytest.fixture
def server(start_channels: Callable[[], channels.Channels]) -> channels.Channels:
    return start_channels()


@pytest.fixture
def pushing(books: Books, server: channels.Channels, redis_url: str) -> Settings:
    environment = {name.lower(): value for name, value in server.environment.items()}
    return make_settings(database_url=books.url, redis_url=redis_url, **environment)


@pytest.fixture
async def services(pushing: Settings) -> AsyncIterator[JobServices]:
    async with job_services.opened(pushing) as opened:
        yield opened


PUSHER = table.by_name("pusher")


async def push(services: JobServices, someone: Someone) -> None:
    await delivery.deliver(services, Receiver(PUSHER.name, someone.user_id, someone.user_id))


def cursor(books: Books, someone: Someone) -> int:
    row = books.connection.execute(
        "SELECT accepted_number FROM delivery_cursors WHERE sink = 'pusher' AND user_id = %s",
        [someone.user_id],
    ).fetchone()
    return int(str(row[0])) if row else 0


async def test_all_entries_arrive_in_order_over_many_batches(
    books: Books, services: JobServices, pushing: Settings
) -> None:
    zoe = books.join()
    for _ in range(23):
        await books.add(zoe)
    async with listening(pushing, zoe) as socket:
        await push(services, zoe)
        assert await take(socket, 23) == list(range(1, 24))
        await push(services, zoe)
        await books.add(zoe)
        await push(services, zoe)
        assert await take(socket, 1) == [24]
    assert cursor(books, zoe) == 24


async def test_a_user_with_very_many_entries_takes_turns_with_others(
    books: Books, services: JobServices, pushing: Settings, redis_url: str
) -> None:
    zoe = books.join()
    a_turn = PUSHER.pages_a_job * PUSHER.page_events
    for _ in range(a_turn + 3):
        await books.add(zoe)
    async with listening(pushing, zoe) as socket:
        await push(services, zoe)
        assert await take(socket, a_turn) == list(range(1, a_turn + 1))
        assert cursor(books, zoe) == a_turn
        with contextlib.closing(redis.Redis.from_url(redis_url)) as queued:
            assert queued.lrange("rq:queue:push", 0, -1) == [f"pusher-{zoe.user_id}".encode()]
        await push(services, zoe)
        assert await take(socket, 3) == [a_turn + 1, a_turn + 2, a_turn + 3]


async def test_jobs_of_one_user_at_once_keep_the_order(
    books: Books, services: JobServices, pushing: Settings
) -> None:
    zoe = books.join()
    for _ in range(30):
        await books.add(zoe)
    async with listening(pushing, zoe) as socket:
        await asyncio.gather(*(push(services, zoe) for _ in range(3)))
        assert await take(socket, 30) == list(range(1, 31))


async def token_of(books: Books, someone: Someone, *scopes: Scope) -> UUID:
    token, _ = await api_tokens.create(
        books.database,
        someone.principal,
        name="till",
        scopes=scopes,
        daily_limit_minor=None,
        expires_at=None,
    )
    return token.api_token_id


async def test_every_active_credential_that_may_read_hears_and_an_ended_one_hears_no_more(
    books: Books, services: JobServices, pushing: Settings
) -> None:
    zoe = books.join()
    reading = await token_of(books, zoe, Scope.READ_TRANSACTIONS)
    sending = await token_of(books, zoe, Scope.SEND_MONEY)
    async with (
        listening(pushing, zoe) as session,
        listening(pushing, zoe, reading) as token,
        listening(pushing, zoe, sending) as other,
    ):
        for _ in range(12):
            await books.add(zoe)
        await push(services, zoe)
        assert await take(session, 12) == await take(token, 12) == list(range(1, 13))
        await sessions.end(books.database, zoe.principal, zoe.session_id)
        other_session = ids.new_id()
        books.connection.execute(
            "UPDATE sessions SET id = %s, ended_at = NULL, created_at = now()", [other_session]
        )
        await books.add(replace(zoe, session_id=other_session))
        await push(services, zoe)
        assert await take(token, 1) == [13]
        # Whatever had been triggered for them would have come before this.
        for socket in (session, other):
            await socket.send(json.dumps({"event": "pusher:ping", "data": {}}))
            assert json.loads(await socket.recv())["event"] == "pusher:pong"
    assert cursor(books, zoe) == 13


async def test_a_user_without_a_credential_that_could_listen_is_passed_over(
    books: Books, services: JobServices, server: channels.Channels
) -> None:
    zoe = books.join()
    for _ in range(3):
        await books.add(zoe)
    books.connection.execute("UPDATE sessions SET ended_at = now()")
    server.kill()
    await push(services, zoe)
    assert cursor(books, zoe) == 3
    assert not services.breaker("pusher").is_open


async def test_all_channels_of_a_user_with_hundreds_of_credentials_hear_in_order(
    books: Books, services: JobServices, pushing: Settings
) -> None:
    zoe = books.join()
    session_ids = [ids.new_id() for _ in range(149)]
    books.connection.execute(
        "INSERT INTO sessions (user_id, id, created_at, last_used_at, generation, refresh_hash, "
        "rotated_at) SELECT %s, id, now(), now(), 1, decode(repeat('00', 32), 'hex'), now() "
        "FROM unnest(%s::uuid[]) AS made (id)",
        [zoe.user_id, session_ids],
    )
    for _ in range(12):
        await books.add(zoe)
    async with (
        listening(pushing, zoe) as first,
        listening(pushing, zoe, session_ids[70]) as middle,
        listening(pushing, zoe, session_ids[-1]) as last,
    ):
        await push(services, zoe)
        for socket in (first, middle, last):
            assert await take(socket, 12) == list(range(1, 13))
    assert cursor(books, zoe) == 12


async def test_an_entry_of_a_newer_release_waits_for_a_worker_that_knows_it(
    books: Books, services: JobServices, pushing: Settings, admin_database_url: str
) -> None:
    zoe = books.join()
    await books.add(zoe)
    with row_changes.Unguarded.open(admin_database_url) as admin:
        admin.execute("ALTER TABLE transactions DROP CONSTRAINT transactions_kind_check")
        admin.execute("UPDATE transactions SET kind = 'refund'")
        with capture_logs() as logged:
            await push(services, zoe)
        assert [one["user_id"] for one in logged if "waits" in one["event"]] == [str(zoe.user_id)]
        assert cursor(books, zoe) == 0
        admin.execute("UPDATE transactions SET kind = 'top_up'")
    async with listening(pushing, zoe) as socket:
        await push(services, zoe)
        assert await take(socket, 1) == [1]


async def test_while_the_channels_server_is_away_the_cursor_stays(
    books: Books, services: JobServices, pushing: Settings, server: channels.Channels
) -> None:
    zoe = books.join()
    await books.add(zoe)
    server.kill()
    await push(services, zoe)
    assert cursor(books, zoe) == 0
    assert services.breaker("pusher").is_open
    server.start()
    services.breaker("pusher").worked()
    async with listening(pushing, zoe) as socket:
        await push(services, zoe)
        assert await take(socket, 1) == [1]
    assert cursor(books, zoe) == 1


async def test_a_channels_server_that_refuses_is_asked_again_later(
    books: Books, pushing: Settings
) -> None:
    zoe = books.join()
    await books.add(zoe)
    wrong = make_settings(
        **{**pushing.model_dump(), "pusher_secret": "another secret", "database_url": books.url}
    )
    async with job_services.opened(wrong) as services:
        await push(services, zoe)
    assert cursor(books, zoe) == 0


async def test_without_a_channels_server_nothing_is_pushed(books: Books) -> None:
    zoe = books.join()
    await books.add(zoe)
    async with job_services.opened(make_settings(database_url=books.url)) as services:
        await push(services, zoe)
    assert cursor(books, zoe) == 0


async def test_the_breaker_waits_longer_each_time_up_to_five_seconds() -> None:
    now = 100.0
    breaker = Breaker(clock=lambda: now)
    pauses = []
    for _ in range(8):
        breaker.failed()
        began = now
        while breaker.is_open:
            now += 0.125
        pauses.append(now - began)
    assert pauses == [0.25, 0.5, 1, 2, 4, 5, 5, 5]
    breaker.worked()
    breaker.failed()
    now += 0.25
    assert not breaker.is_open
