"""Streams deliver each entry exactly once, and ended sessions are noticed, whatever Redis does."""

from __future__ import annotations

import asyncio
import contextlib
import random
import tracemalloc
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import redis

from adapters.realtime import Hints
from app.commands import migrate
from dev import postgres, valkey
from domain import errors, events
from domain.people.sessions import Principal, TokenExpired
from persistence.ledger import entry_views
from persistence.ledger.entry_views import EntryView
from realtime import active_credentials
from realtime.live import POLL_SECONDS, Live
from realtime.subscriptions import Subscription
from tests import books as making
from tests.books import Books, Someone
from tests.conftest import make_settings
from tests.resolvers.endings import wait_until_ended
from tests.waiting import until

pytestmark = pytest.mark.anyio

#: Nothing listens there.
NOWHERE = "redis://127.0.0.1:1/0"
#: Longer than any test: what arrives came by a hint.
NEVER_SECONDS = 600.0


@pytest.fixture
async def books(database_url: str) -> AsyncIterator[Books]:
    async with making.opened(database_url) as opened:
        yield opened


@contextlib.asynccontextmanager
async def living(books: Books, redis_url: str, poll_seconds: float) -> AsyncIterator[Live]:
    listening = await Hints.open(redis_url)
    live = Live(books.database, listening, poll_seconds=poll_seconds)
    await live.start()
    try:
        yield live
    finally:
        await live.stop()
        await listening.close()


@pytest.fixture
async def relay(redis_url: str) -> AsyncIterator[Hints]:
    """Stands in for the relay of another process."""
    opened = await Hints.open(redis_url)
    yield opened
    await opened.close()


async def started(
    live: Live, someone: Someone, after: int | None = None
) -> Subscription[EntryView]:
    stream = live.entries(someone.user_id, after)
    await stream.start()
    return stream


async def take(stream: Subscription[EntryView], count: int) -> list[int]:
    """The next sequences that the stream passes on."""
    async with asyncio.timeout(20):
        return [(await anext(stream)).entry.sequence for _ in range(count)]


def hint_of(movement: making.Movement) -> tuple[uuid.UUID, events.TransactionPosted]:
    return movement.entry.user_id, events.TransactionPosted(movement.entry.sequence)


def principal_of(someone: Someone) -> Principal:
    return Principal(someone.user_id, session_id=someone.session_id)


# ================================================================ streams


async def test_first_what_was_missed_then_what_comes(
    books: Books, relay: Hints, redis_url: str
) -> None:
    zoe = books.join()
    for _ in range(3):
        await books.add(zoe)
    async with living(books, redis_url, NEVER_SECONDS) as live:
        stream = await started(live, zoe, after=1)
        assert await take(stream, 2) == [2, 3]
        await relay.publish([hint_of(await books.add(zoe))])
        assert await take(stream, 1) == [4]


async def test_without_a_number_it_begins_now(books: Books, relay: Hints, redis_url: str) -> None:
    zoe = books.join()
    await books.add(zoe)
    async with living(books, redis_url, NEVER_SECONDS) as live:
        stream = await started(live, zoe)
        await relay.publish([hint_of(await books.add(zoe))])
        assert await take(stream, 1) == [2]


async def test_a_transfer_names_the_other_side_from_the_hint_and_from_the_ledger(
    books: Books, relay: Hints, redis_url: str
) -> None:
    zoe, max_ = books.join("Zoë"), books.join("Max")
    await books.add(zoe)
    await books.send(zoe, max_)
    async with living(books, redis_url, NEVER_SECONDS) as live:
        stream = await started(live, zoe, after=1)
        await relay.publish([hint_of(await books.send(zoe, max_))])
        for sequence in (2, 3):
            posted = await anext(stream)
            assert posted.entry.sequence == sequence
            assert posted.counterparty is not None
            assert (posted.counterparty.name, posted.counterparty.email) == ("Max", max_.email)


async def test_hints_twice_and_in_any_order_deliver_once_and_in_sequence(
    books: Books, relay: Hints, redis_url: str
) -> None:
    zoe = books.join()
    async with living(books, redis_url, NEVER_SECONDS) as live:
        stream = await started(live, zoe)
        told = [hint_of(await books.add(zoe)) for _ in range(30)] * 2
        random.Random(7).shuffle(told)
        await relay.publish(told)
        assert await take(stream, 30) == list(range(1, 31))
        await relay.publish([hint_of(await books.add(zoe))])
        assert await take(stream, 1) == [31]


async def test_forged_replayed_and_stale_hints_show_nothing_that_is_not_so(
    books: Books, redis_url: str
) -> None:
    zoe = books.join()
    for _ in range(3):
        await books.add(zoe)
    forged = [
        b'{"topic":"transaction.posted","payload":{"sequence":%d}}' % n
        for n in (-1, 0, 1, 3, 4, 2**70)
    ]
    # As a former release wrote them, with what is to be believed.
    forged.append(
        b'{"topic":"transaction.posted","payload":{"sequence":4},"line":{"balance_after":10000000}}'
    )
    async with living(books, redis_url, NEVER_SECONDS) as live:
        stream = await started(live, zoe, after=2)
        principal = principal_of(zoe)
        await live.ensure_active(principal)
        ended: list[errors.Unauthenticated] = []
        live.watch(principal, ended.append)
        channel = f"user:{zoe.user_id}"
        with redis.Redis.from_url(redis_url) as client:
            await until(lambda: client.pubsub_numsub(channel)[0][1] == 1)
            for data in forged * 2:
                client.publish(channel, data)
            client.publish(
                channel,
                b'{"topic":"credentials.ended","payload":{"credential_ids":["%s"]}}'
                % str(zoe.session_id).encode(),
            )
            assert await take(stream, 1) == [3]
            waiting = asyncio.create_task(anext(stream))
            real = await books.add(zoe, "5")
            client.publish(channel, forged[4])
            view = await waiting
        assert view.entry == real.entry
        assert view.entry.balance_after_minor == 800
        await live.ensure_active(principal)
        assert ended == []


async def test_hints_of_many_are_read_together(
    books: Books, relay: Hints, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [books.join() for _ in range(30)]
    counted: list[int] = []
    read = entry_views.after

    async def counting(*arguments: Any, **options: Any) -> Any:
        counted.append(len(arguments[1]))
        return await read(*arguments, **options)

    monkeypatch.setattr(entry_views, "after", counting)
    async with living(books, redis_url, NEVER_SECONDS) as live:
        streams = [await started(live, someone) for someone in people]
        told = [hint_of(await books.add(someone)) for someone in people]
        # Every subscription is confirmed, and what that had read is over.
        first = [asyncio.create_task(take(stream, 1)) for stream in streams]
        await relay.publish(told)
        assert await asyncio.gather(*first) == [[1]] * 30
    assert len(counted) < 30


async def test_without_redis_the_poll_brings_everything(books: Books) -> None:
    zoe = books.join()
    async with living(books, NOWHERE, 0.05) as live:
        stream = await started(live, zoe)
        for expected in range(1, 6):
            await books.add(zoe)
            assert await take(stream, 1) == [expected]


async def test_polls_and_hints_over_each_other_deliver_once(
    books: Books, relay: Hints, redis_url: str
) -> None:
    zoe = books.join()
    async with living(books, redis_url, 0.01) as live:
        streams = [await started(live, zoe) for _ in range(3)]

        async def move() -> None:
            for _ in range(40):
                await relay.publish([hint_of(await books.add(zoe))])

        *heard, _ = await asyncio.gather(*(take(stream, 40) for stream in streams), move())
        assert heard == [list(range(1, 41))] * 3


async def test_cut_connections_lose_and_repeat_nothing(
    books: Books, start_valkey: Callable[[], valkey.Valkey]
) -> None:
    server = start_valkey()
    zoe = books.join()
    relay = await Hints.open(server.url)
    async with living(books, server.url, NEVER_SECONDS) as live:
        stream = await started(live, zoe)
        with redis.Redis.from_url(server.url) as client:
            for expected in range(1, 11):
                if expected % 3 == 0:
                    await until(lambda: client.client_kill_filter(_type="pubsub"))
                await relay.publish([hint_of(await books.add(zoe))])
                assert await take(stream, 1) == [expected]
    await relay.close()


async def test_a_slow_listener_reads_the_ledger_instead_of_filling_the_memory(
    books: Books, relay: Hints, redis_url: str
) -> None:
    zoe = books.join()
    async with living(books, redis_url, NEVER_SECONDS) as live:
        stream = await started(live, zoe)
        told = [hint_of(await books.add(zoe)) for _ in range(250)]
        await relay.publish(told)
        assert await take(stream, 250) == list(range(1, 251))


async def test_closing_ends_a_waiting_listener_and_the_subscription(
    books: Books, redis_url: str
) -> None:
    zoe = books.join()
    async with living(books, redis_url, NEVER_SECONDS) as live:
        stream = await started(live, zoe)
        waiting = asyncio.create_task(anext(stream, "ended"))
        with redis.Redis.from_url(redis_url) as client:
            channel = f"user:{zoe.user_id}"
            await until(lambda: client.pubsub_numsub(channel)[0][1] == 1)
            await stream.aclose()
            async with asyncio.timeout(20):
                assert await waiting == "ended"
            await until(lambda: client.pubsub_numsub(channel)[0][1] == 0)
        assert len(live._entries) == 0


@pytest.mark.parametrize("after", [-1, 2, 2**31 - 1])
async def test_a_place_that_is_not_in_the_ledger_is_refused(books: Books, after: int) -> None:
    zoe = books.join()
    await books.add(zoe)
    async with living(books, NOWHERE, NEVER_SECONDS) as live:
        with pytest.raises(errors.BadUserInput, match="afterSequence"):
            await started(live, zoe, after=after)
        assert len(live._entries) == 0


async def test_stopping_ends_every_stream(books: Books) -> None:
    zoe = books.join()
    async with living(books, NOWHERE, NEVER_SECONDS) as live:
        stream = await started(live, zoe)
        waiting = asyncio.create_task(anext(stream, "ended"))
        await live.stop()
        assert await waiting == "ended"


async def test_an_idle_stream_is_small(books: Books) -> None:
    people = [books.join() for _ in range(20)]
    async with living(books, NOWHERE, NEVER_SECONDS) as live:
        await started(live, people[0])
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        streams = [live.entries(someone.user_id, 0) for someone in people for _ in range(50)]
        for stream in streams:
            live._entries.register(stream)
        after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert (after - before) / len(streams) < 1024


async def test_while_the_database_is_away_streams_wait(
    start_postgres: Callable[..., postgres.Postgres],
) -> None:
    server = start_postgres()
    assert migrate.migrate(make_settings(database_url=server.url)) == 0
    async with making.opened(server.url) as books:
        zoe = books.join()
        async with living(books, NOWHERE, 0.1) as live:
            stream = await started(live, zoe)
            principal = principal_of(zoe)
            await live.ensure_active(principal)
            listening = asyncio.create_task(take(stream, 1))
            server.stop()
            await until(lambda: live._is_database_away)
            stream.doubt()
            await asyncio.sleep(0)
            assert not listening.done()
            server.start()
            async with making.opened(server.url) as again:
                await again.add(zoe)
                assert await listening == [1]
            await live.ensure_active(principal)


# ================================================================ credentials


async def test_an_active_session_is_checked_with_one_query(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert active_credentials._ACTIVE_SECONDS == 4
    monkeypatch.setattr(active_credentials, "_ACTIVE_SECONDS", NEVER_SECONDS)
    zoe = books.join()
    async with living(books, NOWHERE, NEVER_SECONDS) as live:
        assert not live.knows_active(principal_of(zoe))
        assert live.knows_active(principal_of(zoe), ask=False)
        await live.ensure_active(principal_of(zoe))
        books.connection.execute("UPDATE sessions SET ended_at = now()")
        # Within that time, the database is not queried again.
        assert live.knows_active(principal_of(zoe))
        await live.ensure_active(principal_of(zoe))
        await live.forget([zoe.session_id])
        assert not live.knows_active(principal_of(zoe), ask=False)
        with pytest.raises(errors.Unauthenticated):
            await live.ensure_active(principal_of(zoe))


async def test_an_unknown_credential_does_not_stand(books: Books) -> None:
    zoe = books.join()
    async with living(books, NOWHERE, NEVER_SECONDS) as live:
        for principal in (
            Principal(zoe.user_id, session_id=uuid.uuid4()),
            Principal(uuid.uuid4(), session_id=zoe.session_id),
            Principal(zoe.user_id, api_token_id=uuid.uuid4()),
        ):
            with pytest.raises(errors.Unauthenticated):
                await live.ensure_active(principal)


async def test_an_end_is_noticed_within_five_seconds_without_redis(books: Books) -> None:
    assert POLL_SECONDS < 5
    zoe, max_ = books.join(), books.join()
    async with living(books, NOWHERE, POLL_SECONDS) as live:
        await live.ensure_active(principal_of(zoe))
        waiting = asyncio.create_task(wait_until_ended(live, principal_of(zoe)))
        other = asyncio.create_task(wait_until_ended(live, principal_of(max_)))
        await until(lambda: live._credentials._known[zoe.session_id].watches)
        books.connection.execute(
            "UPDATE sessions SET ended_at = now() WHERE id = %s", [zoe.session_id]
        )
        async with asyncio.timeout(20):
            await waiting
        with pytest.raises(errors.Unauthenticated):
            await live.ensure_active(principal_of(zoe))
        assert not other.done()
        other.cancel()


async def test_the_poll_reaches_all_subscribers_page_by_page(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime.subscriptions._USERS_AT_ONCE", 2)
    monkeypatch.setattr("realtime.active_credentials._CREDENTIALS_AT_ONCE", 2)
    people = [books.join() for _ in range(5)]
    async with living(books, NOWHERE, 0.1) as live:
        open_streams = [await started(live, person) for person in people]
        told: list[uuid.UUID] = []
        for person in people:
            live.watch(principal_of(person), lambda _, each=person: told.append(each.user_id))  # type: ignore[misc]
        for person in people:
            await books.add(person)
        for stream in open_streams:
            assert await take(stream, 1) == [1]
        books.connection.execute("UPDATE sessions SET ended_at = now()")
        await until(lambda: sorted(told) == sorted(person.user_id for person in people))


async def test_a_hint_makes_the_end_sooner(books: Books, relay: Hints, redis_url: str) -> None:
    zoe = books.join()
    async with living(books, redis_url, NEVER_SECONDS) as live:
        waiting = asyncio.create_task(wait_until_ended(live, principal_of(zoe)))
        await until(lambda: zoe.session_id in live._credentials._known)
        books.connection.execute("UPDATE sessions SET ended_at = now()")
        ended = events.CredentialsEnded((zoe.session_id,))

        async def tell() -> bool:
            await relay.publish([(zoe.user_id, ended)])
            return waiting.done()

        await until(tell)
        with pytest.raises(errors.Unauthenticated):
            await live.ensure_active(principal_of(zoe))


async def test_a_credential_that_has_ended_already_is_not_waited_for(books: Books) -> None:
    zoe = books.join()
    books.connection.execute("UPDATE sessions SET ended_at = now()")
    async with living(books, NOWHERE, NEVER_SECONDS) as live:
        with pytest.raises(errors.Unauthenticated):
            await live.ensure_active(principal_of(zoe))
        async with asyncio.timeout(20):
            await wait_until_ended(live, principal_of(zoe))


async def test_a_token_out_of_date_is_told_of_while_the_database_waits(books: Books) -> None:
    zoe = books.join()
    async with living(books, NOWHERE, NEVER_SECONDS) as live:
        told: list[errors.Unauthenticated] = []
        live.watch(principal_of(zoe), told.append, expires_in_seconds=0)
        live.watch(principal_of(zoe), told.append, expires_in_seconds=3600)
        live.watch(principal_of(zoe), told.append)
        live.unwatch(live.watch(principal_of(zoe), told.append, expires_in_seconds=0))
        await until(lambda: told)
        assert [type(error) for error in told] == [TokenExpired]


async def test_all_who_watch_are_told_of_an_end_once_and_who_stopped_is_not(books: Books) -> None:
    zoe = books.join()
    async with living(books, NOWHERE, NEVER_SECONDS) as live:
        told: list[str] = []
        for name in ("first", "second"):
            live.watch(principal_of(zoe), lambda _, name=name: told.append(name))  # type: ignore[misc]
        stopped = live.watch(principal_of(zoe), lambda _: told.append("stopped"))
        live.unwatch(stopped)
        live.unwatch(stopped)
        await live.forget([zoe.session_id])
        await live.forget([zoe.session_id])
        assert sorted(told) == ["first", "second"]
        live.watch(principal_of(zoe), lambda _: told.append("late"))
        assert "late" not in told
        await until(lambda: "late" in told)


async def test_the_last_use_is_written_down(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("realtime.active_credentials._CREDENTIALS_AT_ONCE", 1)
    zoe, max_, eve = books.join(), books.join(), books.join()
    books.connection.execute("UPDATE sessions SET last_used_at = now() - interval '1 day'")
    async with living(books, NOWHERE, NEVER_SECONDS) as live:
        await live.ensure_active(principal_of(zoe))
        await live.ensure_active(principal_of(eve))
    used = books.connection.execute(
        "SELECT id FROM sessions WHERE last_used_at > now() - interval '1 hour'"
    ).fetchall()
    assert {session_id for (session_id,) in used} == {zoe.session_id, eve.session_id}
    assert max_.session_id not in {zoe.session_id, eve.session_id}
