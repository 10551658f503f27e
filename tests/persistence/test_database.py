"""Access to the database: retries, timeouts, and translated errors."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import psycopg
import psycopg_pool
import pytest
from psycopg import sql
from sqlalchemy import exc, text
from sqlalchemy.ext.asyncio import AsyncConnection

from dev.postgres import Postgres
from domain import errors
from persistence.engine import unit_of_work
from persistence.engine.database import Database, is_trouble, unavailable
from persistence.engine.unit_of_work import Unit
from tests.books import Books, on_each_connection
from tests.waiting import until

pytestmark = pytest.mark.anyio

WHO = b"SELECT pg_backend_pid(), $1::text"


async def test_a_statement_that_fails_does_not_repeat_what_it_was_given(db: Database) -> None:
    with pytest.raises(exc.DBAPIError) as failed:
        async with db.transaction() as connection:
            await connection.execute(
                text("SELECT 1 / CAST(:zero AS int) WHERE :given = :given"),
                {"zero": 0, "given": "four walls and a roof"},
            )
    assert "four walls" not in str(failed.value)


async def test_rows_are_asked_for_again_where_their_connection_was_lost(
    db: Database, admin_database_url: str
) -> None:
    [(before, text_back)] = await db.rows((WHO, [b"Zo\xc3\xab"]))
    assert text_back == "Zoë"
    with psycopg.connect(admin_database_url, autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(%s::int)", [before])
    [(after, _)] = await db.rows((WHO, [None]))
    assert after != before


async def test_rows_of_a_fault_of_ours_are_its_error_and_the_next_are_good(db: Database) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero):
        await db.rows((b"SELECT 1 / $1::int", [b"0"]))
    assert await db.rows((b"SELECT 1 / $1::int", [b"1"])) == [(1,)]


async def ask_until_it_is_away(database: Database) -> None:
    """A session may outlive its server by a moment, and answer."""
    while True:
        await database.rows((WHO, [None]))


async def test_rows_are_unavailable_while_the_database_is_away_and_back_with_it(
    start_postgres: Callable[..., Postgres],
) -> None:
    server = start_postgres()
    database = await Database.open(server.url)
    try:
        assert len(await database.rows((WHO, [None]))) == 1
        server.kill()
        with pytest.raises(errors.Unavailable):
            await ask_until_it_is_away(database)
        with pytest.raises(errors.Unavailable):
            await database.rows((WHO, [None]))
        server.start()
        assert len(await database.rows((WHO, [None]))) == 1
    finally:
        await database.close()


async def test_a_server_that_accepts_no_more_writes_is_left_by_every_pool(books: Books) -> None:
    # As after a failover behind a pooler or a moved address: open sessions have become read-only.
    stop_writes = "SET default_transaction_read_only = on"
    await on_each_connection(books, stop_writes)
    async with books.database.reading() as reader:
        [read_by] = (await reader.execute(text("SELECT pg_backend_pid()"))).one()
    async with books.database.transaction() as writer:
        await writer.execute(text(stop_writes))
        await writer.commit()

    await books.add(books.join())
    async with books.database.reading() as reader:
        assert (await reader.execute(text("SELECT pg_backend_pid()"))).one() != (read_by,)

    async with books.database.transaction() as writer:
        await writer.execute(text(stop_writes))
        await writer.commit()

    async def change(unit: Unit) -> None:
        await unit.connection.execute(text("UPDATE users SET name = name"))

    await unit_of_work.run(books.database, change)


async def test_text_is_kept_whatever_encoding_the_environment_asks_for(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    database = await Database.open(database_url)
    try:
        snowman = "Zoë ☃"
        assert await database.rows((b"SELECT $1::text", [snowman.encode()])) == [(snowman,)]
        length = text("SELECT char_length(:snowman)")
        assert await database.read(lambda c: c.scalar(length, {"snowman": snowman})) == 5
    finally:
        await database.close()


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (psycopg.OperationalError("connection refused"), "cannot reach its database"),
        (psycopg.errors.QueryCanceled(), "took too long"),
        (TimeoutError(), "took too long"),
        (psycopg_pool.PoolTimeout(), "No database connection became available"),
        (exc.TimeoutError(), "No database connection became available"),
        (psycopg.errors.SerializationFailure(), "changed the same accounts"),
        (psycopg.errors.DeadlockDetected(), "changed the same accounts"),
    ],
)
def test_what_is_unavailable_says_what_happened_and_what_to_do(error: Exception, told: str) -> None:
    message = unavailable(error).message
    assert told in message
    assert "epeat the request" in message
    assert "same idempotency key" in message


async def test_a_statement_that_takes_too_long_is_said_to_be_slow_and_not_away(
    db: Database,
) -> None:
    async def wait() -> None:
        async with db.translated(), db.transaction() as connection:
            await connection.execute(text("SET LOCAL statement_timeout = '20ms'"))
            await connection.execute(text("SELECT pg_sleep(10)"))

    with pytest.raises(errors.Unavailable) as refused:
        await wait()
    assert "took too long" in refused.value.message


SLOW = "SELECT pg_sleep(60), 'the slow statement'"


async def read_slowly(db: Database) -> None:
    await db.read(lambda connection: connection.execute(text(SLOW)))


async def look_up_slowly(db: Database) -> None:
    await db.rows((SLOW.encode(), ()))


async def change_slowly(db: Database) -> None:
    async with db.translated(), db.transaction() as connection:
        await connection.execute(text(SLOW))


@pytest.mark.parametrize("ask", [read_slowly, look_up_slowly, change_slowly])
async def test_a_caller_that_is_cancelled_cancels_its_statement_and_leaves_the_pools_whole(
    db: Database, admin_database_url: str, ask: Callable[[Database], Awaitable[None]]
) -> None:
    with psycopg.connect(admin_database_url, autocommit=True) as admin:

        def running() -> int:
            [count] = admin.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%the slow statement%' "
                "AND state = 'active' AND datname = current_database() AND pid <> pg_backend_pid()"
            ).fetchone() or (0,)
            return int(count)

        # More often than there are connections in any pool.
        for _ in range(12):
            asking = asyncio.create_task(ask(db))
            await until(lambda: running() == 1)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            await until(lambda: running() == 0)
    assert await db.rows((b"SELECT 1", ())) == [(1,)]
    assert await db.read(lambda connection: connection.scalar(text("SELECT 1"))) == 1
    async with db.transaction() as connection:
        assert await connection.scalar(text("SELECT 1")) == 1


@pytest.mark.parametrize("ask", [read_slowly, look_up_slowly, change_slowly])
async def test_a_statement_that_the_server_gives_up_is_unavailable(
    db: Database, admin_database_url: str, ask: Callable[[Database], Awaitable[None]]
) -> None:
    asking = asyncio.create_task(ask(db))
    with psycopg.connect(admin_database_url, autocommit=True) as admin:

        def cancelled() -> bool:
            return any(
                admin.execute(
                    "SELECT pg_cancel_backend(pid) FROM pg_stat_activity "
                    "WHERE query LIKE '%the slow statement%' AND state = 'active' "
                    "AND datname = current_database() AND pid <> pg_backend_pid()"
                )
            )

        await until(cancelled)
    with pytest.raises(errors.Unavailable) as refused:
        await asking
    assert "took too long" in refused.value.message
    assert await db.rows((b"SELECT 1", ())) == [(1,)]


async def test_every_statement_has_a_timeout(db: Database) -> None:
    asked = "SELECT current_setting('statement_timeout')"
    assert await db.rows((asked.encode(), ())) == [("15s",)]
    assert await db.read(lambda connection: connection.scalar(text(asked))) == "15s"
    async with db.transaction() as connection:
        assert await connection.scalar(text(asked)) == "15s"


@pytest.mark.parametrize("is_read", [True, False])
async def test_work_is_done_again_where_the_server_had_ended_its_idle_connection(
    db: Database, admin_database_url: str, is_read: bool
) -> None:
    async def work(unit: Unit) -> int:
        return await who(unit.connection)

    async def who(connection: AsyncConnection) -> int:
        pid: int = await connection.scalar(text("SELECT pg_backend_pid()"))
        return pid

    async def ask() -> int:
        return await (db.read(who) if is_read else unit_of_work.run(db, work))

    before = await ask()
    assert await ask() == before
    with psycopg.connect(admin_database_url, autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(%s::int, 5000)", [before])
    assert await ask() != before


async def test_a_search_omits_no_user_whatever_limit_the_role_has(
    db: Database, admin_database_url: str
) -> None:
    with psycopg.connect(admin_database_url, autocommit=True) as admin:
        name = sql.Identifier(admin.info.dbname)
        admin.execute(sql.SQL("ALTER DATABASE {} SET gin_fuzzy_search_limit = 1").format(name))
    asked = b"SELECT current_setting('gin_fuzzy_search_limit')"
    assert await db.rows((asked, ())) == [("0",)]


def test_a_commit_with_two_results_is_trouble_of_the_connection() -> None:
    """What psycopg raises if PgBouncer reports a lost session while a COMMIT is being sent."""
    raised = psycopg.InternalError("received 2 results from command 'COMMIT'")
    assert is_trouble(raised)
    assert is_trouble(exc.InternalError("COMMIT", None, raised))
    corrupted = psycopg.errors.lookup("XX001")("invalid page in block 0")
    assert not is_trouble(corrupted)
