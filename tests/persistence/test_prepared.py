"""Prepared statements of ledger commits, and everything by which a session may lose them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import get_args

import psycopg
import pytest

from persistence.engine import pinned, pipeline, prepared
from persistence.engine.pinned import Connection
from persistence.engine.pipeline import Query
from persistence.engine.prepared import Kept, Prepared
from persistence.ledger.ledger import Ledger
from tests import relays
from tests.books import LIMITS, Books, Someone, sending

pytestmark = pytest.mark.anyio

#: Of a ledger.
CONNECTIONS = 3

_COUNT = (b"SELECT count(*) FROM pg_prepared_statements", ())
_ASK = (Kept(b"SELECT $1::bigint"), (b"7",))


@pytest.fixture(autouse=True)
def forgetting(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test finds out about sessions ends with it."""
    monkeypatch.setattr(Prepared, "_trusted_since", 0.0)


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[Connection]:
    opened = await Connection.connect(database_url, autocommit=True)
    yield opened
    await opened.close()


@pytest.fixture
async def people(books: Books) -> tuple[Someone, Someone]:
    joined = books.join("Sender"), books.join("Recipient")
    for person in joined:
        await books.add(person, "100")
    return joined


async def asked(connection: Connection, *statements: pipeline.Statement) -> list[object]:
    rows = await pipeline.round_trip(connection, statements)
    return [row for [(row,)] in rows]


async def test_a_frequent_statement_is_prepared_once(connection: Connection) -> None:
    assert await asked(connection, _COUNT, _ASK, _ASK, _COUNT) == [0, 7, 7, 1]
    usual = (b"SELECT $1::bigint + 1", (b"7",))
    assert await asked(connection, _ASK, usual, _COUNT) == [7, 8, 1]


async def test_what_was_prepared_long_ago_is_prepared_anew(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepared, "_SECONDS", 0.0)
    assert await asked(connection, _ASK, _COUNT) == [7, 1]
    other = (Kept(b"SELECT $1::text"), (b"x",))
    assert await asked(connection, other, _ASK, _COUNT) == ["x", 7, 2]
    assert await asked(connection, _COUNT) == [0]


@pytest.mark.parametrize("treatment", get_args(relays.Treatment))
async def test_nothing_is_prepared_where_a_pooler_is_in_between(
    database_url: str, treatment: relays.Treatment
) -> None:
    with relays.before(database_url, treatment) as url:
        async with await Connection.connect(url, autocommit=True) as connection:
            assert await asked(connection, _ASK, _COUNT) == [7, 0]


@asynccontextmanager
async def all_of(ledger: Ledger) -> AsyncIterator[list[Connection]]:
    """Every connection of the ledger."""
    async with AsyncExitStack() as held:
        yield [await held.enter_async_context(ledger._pool.one()) for _ in range(CONNECTIONS)]


@pytest.fixture
async def ledger(books: Books, people: tuple[Someone, Someone]) -> AsyncIterator[Ledger]:
    """A ledger whose connections have all prepared what a commit needs."""
    opened = await Ledger.open(books.url, LIMITS, connections=CONNECTIONS)
    async with all_of(opened) as connections:
        for connection in connections:
            await opened._in_two_round_trips(connection, [sending(*people, "1")])
    yield opened
    await opened.close()


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE users ADD COLUMN more text",
        "ALTER TABLE users ALTER COLUMN time_zone TYPE varchar(64)",
        "ALTER TABLE transactions ALTER COLUMN note TYPE varchar(500)",
    ],
)
async def test_a_migration_fails_no_commit(
    books: Books, people: tuple[Someone, Someone], ledger: Ledger, change: str
) -> None:
    books.connection.execute(change.encode())
    key = "key-of-a-test-first"
    first = await ledger.move(sending(*people, "1", key=key))
    assert not first.replayed
    # It is looked up, and has the changed columns.
    again = await ledger.move(sending(*people, "1", key=key))
    assert (again.replayed, again.entry) == (True, first.entry)
    for _ in range(2 * CONNECTIONS):
        assert not (await ledger.move(sending(*people, "1"))).replayed
    assert books.balances(*people) == [10_000 - 1_000, 10_000 + 1_000]


async def test_a_migration_fails_no_read(books: Books, people: tuple[Someone, Someone]) -> None:
    query = Query("SELECT time_zone, name FROM users WHERE id = :user_id", is_kept=True)
    bound = query.bind(user_id=people[0].user_id)
    before = await books.database.rows(bound)
    books.connection.execute("ALTER TABLE users ALTER COLUMN time_zone TYPE varchar(64)")
    assert await books.database.rows(bound) == before


@pytest.mark.parametrize("lost", [b"DISCARD ALL", b"DEALLOCATE ALL"])
async def test_sessions_that_lost_their_statements_fail_no_commit_and_end_preparing(
    books: Books, people: tuple[Someone, Someone], ledger: Ledger, lost: bytes
) -> None:
    async with all_of(ledger) as connections:
        for connection in connections:
            await pipeline.round_trip(connection, [(lost, ())])
    for _ in range(2 * CONNECTIONS):
        assert not (await ledger.move(sending(*people, "1"))).replayed
    async with all_of(ledger) as connections:
        for connection in connections:
            assert await asked(connection, _ASK, _COUNT) == [7, 0]
    assert books.balances(*people) == [10_000 - 900, 10_000 + 900]


async def test_a_name_that_another_connection_uses_ends_preparing(
    database_url: str, connection: Connection
) -> None:
    statement, _ = _ASK
    connection.pgconn.prepare(statement.name, statement)
    with pytest.raises(prepared.NotKept):
        await asked(connection, _ASK)
    async with await pinned.Connection.connect(database_url, autocommit=True) as other:
        assert other.prepared is not None
        assert not other.prepared.is_possible


async def test_the_error_of_a_statement_stays_what_it_is(connection: Connection) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero):
        await asked(connection, _ASK, (b"SELECT 1 / $1::bigint", (b"0",)))
