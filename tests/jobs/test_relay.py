"""The relay: committed events reach listeners and queues, whatever was unavailable in between."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

import pytest
import redis
from structlog.testing import capture_logs

from adapters import realtime
from app.commands import migrate
from dev import postgres, valkey
from domain import events
from persistence.delivery import outbox
from persistence.people import sessions
from settings import Settings
from tests import books as making
from tests.books import Books, Someone
from tests.conftest import make_settings
from tests.jobs.running import relaying
from tests.waiting import until

pytestmark = pytest.mark.anyio

PUSHER = {
    "pusher_app_id": "1",
    "pusher_key": "key",
    "pusher_secret": "secret",
    "pusher_host": "127.0.0.1",
    "pusher_port": 1,
    "pusher_use_tls": False,
}


@pytest.fixture
def pushing(books: Books, redis_url: str) -> Settings:
    return make_settings(database_url=books.url, redis_url=redis_url, **PUSHER)


class Ear:
    """What a process hears about some people."""

    def __init__(self, redis_url: str, *people: Someone) -> None:
        self.heard: list[tuple[uuid.UUID, Any]] = []
        self._confirmed: set[uuid.UUID] = set()
        self._people = people
        self._hints = realtime.Hints(redis_url)

    async def __aenter__(self) -> Ear:
        self._hints.listen(
            lambda user_id, hint: self.heard.append((user_id, hint)),
            confirmed=self._confirmed.add,
        )
        for someone in self._people:
            self._hints.subscribe(someone.user_id)
        await until(lambda: len(self._confirmed) == len(self._people))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._hints.close()

    def sequences(self, someone: Someone) -> list[int]:
        return [
            hint.sequence
            for user_id, hint in self.heard
            if user_id == someone.user_id and isinstance(hint, events.TransactionPosted)
        ]


async def is_all_told(books: Books) -> bool:
    return (await outbox.backlog(books.database)).count == 0


async def test_both_sides_are_told_of_a_transfer(
    books: Books, pushing: Settings, redis_url: str
) -> None:
    zoe, max_ = books.join("Zoë"), books.join("Max")
    await books.add(zoe)
    async with Ear(redis_url, zoe, max_) as ear, relaying(pushing):
        await books.send(zoe, max_, "0.25", note="lunch")
        await until(lambda: ear.sequences(zoe) == [1, 2] and ear.sequences(max_) == [1])
        await until(lambda: is_all_told(books))
    with redis.Redis.from_url(redis_url, decode_responses=True) as memory:
        assert set(memory.lrange("rq:queue:push", 0, -1)) == {
            f"pusher-{zoe.user_id}",
            f"pusher-{max_.user_id}",
            f"pusher-notifications-{max_.user_id}",
        }


async def test_without_a_channels_server_no_push_is_queued(books: Books, redis_url: str) -> None:
    zoe = books.join()
    await books.add(zoe)
    async with relaying(make_settings(database_url=books.url, redis_url=redis_url)):
        await until(lambda: is_all_told(books))
    with redis.Redis.from_url(redis_url) as memory:
        assert memory.llen("rq:queue:push") == 0


async def test_an_ended_session_is_told(books: Books, pushing: Settings, redis_url: str) -> None:
    zoe = books.join()
    async with Ear(redis_url, zoe) as ear, relaying(pushing):
        assert await sessions.end(books.database, zoe.principal, zoe.session_id)
        await until(lambda: ear.heard)
        assert ear.heard == [(zoe.user_id, events.CredentialsEnded((zoe.session_id,)))]


async def test_waking_is_sooner_than_polling(
    books: Books, pushing: Settings, redis_url: str
) -> None:
    zoe = books.join()
    waker = await realtime.Hints.open(redis_url)
    async with Ear(redis_url, zoe) as ear, relaying(pushing, poll_seconds=600):
        with redis.Redis.from_url(redis_url) as memory:
            await until(lambda: memory.pubsub_numsub("relay:wake")[0][1] >= 1)
        for expected in range(1, 6):
            await books.add(zoe)
            waker.wake()
            await until(lambda expected=expected: expected in ear.sequences(zoe))
    await waker.close()


async def test_hints_do_not_wait_until_deliveries_are_noted(
    books: Books, pushing: Settings, redis_url: str
) -> None:
    zoe = books.join()
    async with Ear(redis_url, zoe) as ear, relaying(pushing):
        with books.connection.transaction():
            books.connection.execute("LOCK TABLE delivery_due")
            for expected in (1, 2, 3):
                await books.add(zoe)
                await until(lambda expected=expected: expected in ear.sequences(zoe))
            assert _unpublished(books) == 3
        await until(lambda: is_all_told(books))


async def test_what_is_committed_while_redis_is_away_follows(
    books: Books, start_valkey: Callable[[], valkey.Valkey]
) -> None:
    server = start_valkey()
    zoe = books.join()
    settings = make_settings(database_url=books.url, redis_url=server.url, **PUSHER)
    async with relaying(settings):
        await books.add(zoe)
        await until(lambda: is_all_told(books))
        server.kill()
        for _ in range(3):
            await books.add(zoe)
        # It has tried, and what it could not pass on is not marked.
        await until(lambda: _unpublished(books, "claimed_until IS NOT NULL"))
        assert _unpublished(books) == 3
        server.start()
        async with Ear(server.url, zoe) as ear:
            await until(lambda: is_all_told(books))
            with redis.Redis.from_url(server.url, decode_responses=True) as memory:
                assert memory.lrange("rq:queue:push", 0, -1) == [f"pusher-{zoe.user_id}"]
            # Hints of batches that were published before it listened are not heard.
            await until(lambda: ear.sequences(zoe) in ([], [4], [3, 4], [2, 3, 4]))


def _unpublished(books: Books, condition: str = "true") -> int:
    row = books.connection.execute(
        f"SELECT count(*) FROM outbox WHERE published_at IS NULL AND {condition}"
    ).fetchone()
    assert row is not None
    return int(str(row[0]))


async def test_a_relay_that_dies_with_rows_in_hand_leaves_them_to_the_next(
    books: Books, pushing: Settings, redis_url: str
) -> None:
    zoe = books.join()
    await books.add(zoe)
    assert len((await outbox.claim(books.database, 10, 1.0)).rows) == 1
    async with Ear(redis_url, zoe) as ear, relaying(pushing):
        await until(lambda: ear.sequences(zoe) == [1])


async def test_several_relays_beside_each_other_tell_everything(
    books: Books, pushing: Settings, redis_url: str
) -> None:
    people = [books.join() for _ in range(4)]
    async with (
        Ear(redis_url, *people) as ear,
        relaying(pushing),
        relaying(pushing),
        relaying(pushing),
    ):
        for _ in range(25):
            await asyncio.gather(*(books.add(someone) for someone in people))
        await until(lambda: is_all_told(books))
        await until(lambda: all(set(ear.sequences(each)) == set(range(1, 26)) for each in people))


async def test_who_stays_behind_is_asked_for_again_when_redis_forgot(
    books: Books, pushing: Settings, redis_url: str
) -> None:
    zoe = books.join()
    async with relaying(pushing):
        await books.add(zoe)
        await until(lambda: is_all_told(books))
        with redis.Redis.from_url(redis_url) as memory:
            await until(lambda: memory.llen("rq:queue:push") == 1)
            memory.flushdb()
            await until(lambda: memory.llen("rq:queue:push") == 1)


#: Rows of a newer release, and of a damaged database.
UNREADABLE = (
    ("payment_request.opened", '{"id": 7}'),
    ("transaction.posted", "{}"),
    ("transaction.posted", '{"sequence": "seven"}'),
    ("transaction.posted", '{"sequence": 99999999999999999999}'),
    ("transaction.posted", "[1]"),
    ("mail.requested", '{"mail_id": "none"}'),
    ("credentials.ended", '{"credential_ids": "all"}'),
)


async def test_rows_that_cannot_be_read_are_set_aside_and_do_not_block_others(
    books: Books, pushing: Settings, redis_url: str
) -> None:
    zoe = books.join()
    for number, (topic, payload) in enumerate(UNREADABLE):
        books.connection.execute(
            "INSERT INTO outbox (user_id, id, topic, payload) VALUES (%s, %s, %s, %s)",
            [zoe.user_id, uuid.UUID(int=number), topic, payload],
        )
    with capture_logs() as logged:
        async with Ear(redis_url, zoe) as ear, relaying(pushing):
            await books.add(zoe)
            await until(lambda: ear.sequences(zoe) == [1])
            await until(lambda: is_all_told(books))
    told = [one["topic"] for one in logged if "set aside" in one["event"]]
    assert told == [topic for topic, _ in UNREADABLE]
    backlog = await outbox.backlog(books.database)
    assert (backlog.count, backlog.set_aside) == (0, len(UNREADABLE))


async def test_what_was_set_aside_is_passed_on_by_a_release_that_can_read_it(
    books: Books, pushing: Settings, redis_url: str
) -> None:
    zoe = books.join()
    await books.add(zoe)
    books.connection.execute("UPDATE outbox SET topic = 'transaction.moved'")
    async with relaying(pushing):
        await until(lambda: is_all_told(books))
    assert (await outbox.backlog(books.database)).set_aside == 1
    # What the newer release would call it.
    books.connection.execute("UPDATE outbox SET topic = 'transaction.posted'")
    async with Ear(redis_url, zoe) as ear, relaying(pushing):
        await until(lambda: ear.sequences(zoe) == [1])
        await until(lambda: _unpublished(books) == 0)
    assert (await outbox.backlog(books.database)).set_aside == 0


async def test_readable_rows_are_found_behind_many_that_are_not(books: Books) -> None:
    zoe = books.join()
    for number in range(5):
        books.connection.execute(
            "INSERT INTO outbox (user_id, id, topic, payload) VALUES (%s, %s, 'unknown', '{}')",
            [zoe.user_id, uuid.UUID(int=number)],
        )
    await books.add(zoe)
    books.connection.execute("UPDATE outbox SET set_aside_at = now()")
    found = await outbox.readable_set_aside(books.database, page=2)
    assert [row.event for row in found.rows] == [events.TransactionPosted(1)]


async def test_rows_that_are_no_longer_needed_are_deleted(books: Books, pushing: Settings) -> None:
    zoe = books.join()
    await books.add(zoe)
    books.connection.execute(
        "UPDATE outbox SET published_at = now() - interval '8 days', created_at = now() - interval '9 days'"
    )
    async with relaying(pushing):
        await until(
            lambda: books.connection.execute("SELECT count(*) FROM outbox").fetchone() == (0,)
        )


async def test_a_relay_outlives_the_database(
    start_postgres: Callable[..., postgres.Postgres], redis_url: str
) -> None:
    server = start_postgres()
    settings = make_settings(database_url=server.url, redis_url=redis_url, **PUSHER)
    assert migrate.migrate(settings) == 0
    async with making.opened(server.url) as books:
        zoe = books.join()
    async with relaying(settings):
        server.stop()
        server.start()
        async with making.opened(server.url) as again:
            await again.add(zoe)
            await until(lambda: is_all_told(again))
