"""Subscriptions that receive hints while they start, and subscriptions to a damaged ledger."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from uuid import UUID

import psycopg
import pytest
from structlog.testing import capture_logs

from adapters.realtime import Hints
from persistence.delivery import streams
from persistence.engine.database import Database
from persistence.ledger.entry_views import EntryView
from realtime.live import Live
from realtime.subscriptions import Subscription, Subscriptions
from tests import books as making
from tests import row_changes
from tests.books import Books, Someone
from tests.waiting import until

pytestmark = pytest.mark.anyio

#: The test says when: what comes in between came by itself.
NEVER_SECONDS = 600.0


@pytest.fixture
async def books(database_url: str) -> AsyncIterator[Books]:
    async with making.opened(database_url) as opened:
        yield opened


@pytest.fixture
async def live(books: Books) -> AsyncIterator[Live]:
    nowhere = await Hints.open("redis://127.0.0.1:1/0")
    live = Live(books.database, nowhere, poll_seconds=NEVER_SECONDS)
    await live.start()
    yield live
    await live.stop()
    await nowhere.close()


@contextlib.contextmanager
def torn_out(admin_database_url: str, someone: Someone, sequence: int) -> Iterator[None]:
    """The user's ledger without that entry, for a while."""
    with row_changes.Unguarded.open(admin_database_url) as admin:
        admin.execute(
            psycopg.sql.SQL(
                "CREATE TEMPORARY TABLE torn_out AS SELECT * FROM transactions "
                "WHERE user_id = {} AND sequence = {}"
            ).format(someone.user_id, sequence)
        )
        admin.execute(
            "DELETE FROM transactions WHERE user_id = %s AND sequence = %s",
            [someone.user_id, sequence],
        )
        yield
        admin.execute("INSERT INTO transactions SELECT * FROM torn_out")


async def take(stream: Subscription[EntryView], count: int) -> list[int]:
    async with asyncio.timeout(20):
        return [(await anext(stream)).entry.sequence for _ in range(count)]


class Paused(Subscriptions[EntryView]):
    """Subscriptions whose first answer of the database is held back until the test has it go on."""

    def __init__(self, database: Database, listening: Hints) -> None:
        super().__init__(database, listening, streams.ENTRIES)
        self.answered, self.go_on = asyncio.Event(), asyncio.Event()

    async def newest_number(self, user_id: UUID) -> int:
        newest = await super().newest_number(user_id)
        self.answered.set()
        await self.go_on.wait()
        return newest


@pytest.mark.parametrize("told", ["by a hint", "by this process", "of a doubt"])
async def test_what_is_told_during_the_first_read_is_passed_on_at_once(
    books: Books, told: str
) -> None:
    zoe = books.join()
    await books.add(zoe)
    nowhere = await Hints.open("redis://127.0.0.1:1/0")
    paused = Paused(books.database, nowhere)
    stream = Subscription(paused, zoe.user_id, None)
    starting = asyncio.create_task(stream.start())
    await paused.answered.wait()
    # Committed after the database answered, and told of before the stream has the answer.
    posted = await books.add(zoe)
    if told == "by a hint":
        paused.hint(zoe.user_id, posted.entry.sequence)
    elif told == "by this process":
        paused.offer(zoe.user_id, EntryView(posted.entry, posted.counterparty))
    else:
        paused.doubt(zoe.user_id)
    paused.go_on.set()
    await starting
    # Nothing else says so: no poll runs here.
    assert await take(stream, 1) == [2]
    paused.close()
    await nowhere.close()


async def test_a_stream_waits_at_a_gap_and_goes_on_once_it_is_filled(
    books: Books, live: Live, admin_database_url: str
) -> None:
    zoe = books.join()
    for _ in range(5):
        await books.add(zoe)
    stream = live.entries(zoe.user_id, 0)
    with capture_logs() as logged:
        with torn_out(admin_database_url, zoe, 3):
            assert await take(stream, 2) == [1, 2]
            waiting = asyncio.create_task(take(stream, 4))
            await until(lambda: stream._waiter is not None)
            # Neither the poll nor a hint of what comes after the gap has it passed on.
            await live._entries.poll()
            await until(lambda: stream._waiter is not None and not stream._must_read)
            later = await books.add(zoe)
            live.posted(later.entry, later.counterparty)
            await until(lambda: stream._waiter is not None and not stream._must_read)
            assert not waiting.done()
        await live._entries.poll()
        assert await waiting == [3, 4, 5, 6]
    told = [one for one in logged if "gap" in one["event"]]
    assert [(one["user_id"], one["after_number"], one["found_number"]) for one in told] == [
        (str(zoe.user_id), 2, 4)
    ]


async def test_a_gap_at_the_end_is_logged_and_passed_once_it_is_filled(
    books: Books, live: Live, admin_database_url: str
) -> None:
    zoe = books.join()
    for _ in range(3):
        await books.add(zoe)
    stream = live.entries(zoe.user_id, 1)
    with capture_logs() as logged:
        with torn_out(admin_database_url, zoe, 3):
            assert await take(stream, 1) == [2]
            waiting = asyncio.create_task(take(stream, 1))
            await until(lambda: stream._waiter is not None)
            await live._entries.poll()
            await until(lambda: any("gap" in one["event"] for one in logged))
            assert not waiting.done()
        await live._entries.poll()
        assert await waiting == [3]
    told = [one for one in logged if "gap" in one["event"]]
    assert [(one["after_number"], one["found_number"]) for one in told] == [(2, 3)]


async def test_subscribers_of_one_damaged_ledger_are_one_line_in_the_log(
    books: Books, live: Live, admin_database_url: str
) -> None:
    zoe = books.join()
    for _ in range(3):
        await books.add(zoe)
    with capture_logs() as logged, torn_out(admin_database_url, zoe, 2):
        streams = [live.entries(zoe.user_id, 1) for _ in range(3)]
        waiting = [asyncio.create_task(take(stream, 2)) for stream in streams]
        await until(lambda: all(stream._waiter is not None for stream in streams))
        assert sum("gap" in one["event"] for one in logged) == 1
    await live._entries.poll()
    assert await asyncio.gather(*waiting) == [[2, 3]] * 3


async def test_an_entry_of_a_newer_release_stops_the_listeners_of_its_own_ledger_alone(
    books: Books, live: Live, admin_database_url: str
) -> None:
    zoe, max_ = books.join(), books.join()
    for someone in (zoe, max_):
        for _ in range(2):
            await books.add(someone)
    with row_changes.Unguarded.open(admin_database_url) as admin:
        admin.execute("ALTER TABLE transactions DROP CONSTRAINT transactions_kind_check")
        changing = "UPDATE transactions SET kind = %s WHERE user_id = %s AND sequence = 2"
        admin.execute(changing, ["refund", zoe.user_id])
        stopped = asyncio.create_task(take(live.entries(zoe.user_id, 0), 2))
        assert await take(live.entries(max_.user_id, 0), 2) == [1, 2]
        await live._entries.poll()
        assert not stopped.done()
        admin.execute(changing, ["top_up", zoe.user_id])
    await live._entries.poll()
    assert await stopped == [1, 2]
