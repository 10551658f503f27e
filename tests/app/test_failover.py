"""A standby takes over from the primary: nothing acknowledged is lost, and no process has to be restarted."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from sqlalchemy import text

from app.commands import doctor, migrate
from dev import mail_catcher, replication
from dev.postgres import Postgres
from dev.processes import Child
from domain import errors
from persistence.delivery import outbox
from persistence.people import registrations
from settings import Settings
from tests.app.conftest import Api
from tests.app.test_readiness import ready
from tests.books import Books, Someone, on_each_connection, opened, sending
from tests.conftest import make_settings
from tests.jobs.conftest import start_process
from tests.waiting import block_until, until

pytestmark = pytest.mark.anyio
__all__ = ["start_process"]

#: The service must be back within this time of the promotion: docs/scaling.md.
BACK_SECONDS = 30
STATEMENT_TIMEOUT = "SET statement_timeout = '1500ms'"
WAITING = """
SELECT pid FROM pg_stat_activity
WHERE wait_event = 'SyncRep' AND query_start < clock_timestamp() - interval '2 seconds'
"""
COUNT = "SELECT count(*) FROM transactions WHERE reference = ANY (%s)"


@dataclass
class Pair:
    """A primary and its synchronous standby."""

    primary: Postgres
    standby: Postgres

    @property
    def url(self) -> str:
        """For the service; the first server is listed first."""
        parts = urlsplit(self.primary.url)
        hosts = f"{parts.hostname}:{self.primary.port},{parts.hostname}:{self.standby.port}"
        user = parts.netloc.rpartition("@")[0]
        return f"postgresql://{user}@{hosts}{parts.path}?target_session_attrs=read-write"


@pytest.fixture
def pair(start_postgres: Callable[..., Postgres], service_folder: Path) -> Iterator[Pair]:
    primary = start_postgres(options=replication.OPTIONS)
    assert migrate.migrate(make_settings(database_url=primary.url)) == 0
    standby = replication.standby_of(
        primary, service_folder / "standby", service_folder / "standby.log"
    )
    standby.start()
    replication.require(primary)
    try:
        yield Pair(primary, standby)
    finally:
        standby.stop()


@dataclass
class Load:
    """Transfers around a ring of users, each repeated with its key until it is answered."""

    books: Books
    people: list[Someone]
    acknowledged: list[Any] = field(default_factory=list)
    stopping: bool = False

    async def run(self, number: int) -> None:
        """Transfers from one user, one after the other."""
        while not self.stopping:
            await self.transfer(number)

    async def transfer(self, number: int) -> None:
        """One transfer from that user to the next."""
        command = sending(self.people[number], self.people[(number + 1) % len(self.people)])
        movement = None
        while movement is None:
            with suppress(errors.Unavailable):
                movement = await self.books.ledger.move(command)
        self.acknowledged.append(movement.entry.reference)

    async def until_more(self, seconds: float = 90) -> None:
        """Wait until the load has made some more."""
        wanted = len(self.acknowledged) + 20
        await until(lambda: len(self.acknowledged) >= wanted, seconds)

    async def go_on(self) -> None:
        """Some more without the load."""
        async with asyncio.timeout(BACK_SECONDS):
            for number in range(3):
                await self.transfer(number)

    def count(self, server: Postgres) -> int:
        """How many entries of the acknowledged transfers that server has: two of each."""
        with server.connect() as connection:
            [number] = connection.execute(COUNT, [self.acknowledged]).fetchone() or (0,)
        return number


@asynccontextmanager
async def under_load(books: Books) -> AsyncIterator[Load]:
    people = [books.join(f"Person {number}") for number in range(3)]
    for person in people:
        await books.add(person, "100")
    load = Load(books, people)
    async with asyncio.TaskGroup() as group:
        for number in range(len(people)):
            group.create_task(load.run(number))
        try:
            yield load
        finally:
            load.stopping = True


def server_of(api: Api) -> tuple[str, str]:
    """The server and its role in /metrics, which has no other."""
    lines = api.client.get("/metrics").text.splitlines()
    [line] = [line for line in lines if line.startswith("wallet_database_server{")]
    role, server = (part.split('"')[1] for part in line.split(","))
    return server, role


async def servers(settings: Settings) -> str:
    """What `doctor` says of them."""
    [says] = [each.says for each in await doctor.examine(settings) if each.what == "Servers"]
    return says


async def is_relayed(books: Books) -> bool:
    return (await outbox.backlog(books.database)).count == 0


async def register(books: Books, email: str) -> None:
    await registrations.register(books.database, name="New", email=email, password_hash="-")


def is_primary(server: Postgres) -> bool:
    with suppress(psycopg.OperationalError), server.connect() as connection:
        return connection.execute("SELECT pg_is_in_recovery()").fetchone() == (False,)
    return False


def waiting(server: Postgres) -> set[int]:
    """The sessions that have waited for the standby for longer than a statement may take."""
    with server.connect() as connection:
        return {pid for (pid,) in connection.execute(WAITING)}


async def test_a_commit_that_its_standby_does_not_confirm_is_neither_acknowledged_nor_visible(
    pair: Pair,
) -> None:
    primary, standby = pair.primary, pair.standby
    async with opened(pair.url) as books:
        alpha, beta = await books.pair()
        await on_each_connection(books, STATEMENT_TIMEOUT)
        async with books.database.transaction() as changing:
            await changing.execute(text(STATEMENT_TIMEOUT))
            await changing.commit()
        standby.signal_all(signal.SIGSTOP)
        try:
            moving = asyncio.create_task(books.send(alpha, beta, "1"))
            await until(lambda: waiting(primary))
            [session] = waiting(primary)
            registering = asyncio.create_task(register(books, "second@example.org"))
            await until(lambda: len(waiting(primary)) == 2)
            registering.cancel()
            with suppress(asyncio.CancelledError):
                await registering
            assert len(waiting(primary)) == 2
            assert books.balances(alpha, beta) == [1000, 0]
            with primary.connect() as admin:
                admin.execute("SELECT pg_cancel_backend(%s)", [session])
            await until(lambda: len(waiting(primary) - {session}) == 2)
            assert not moving.done()
        finally:
            standby.signal_all(signal.SIGCONT)
        assert (await moving).replayed
        assert books.balances(alpha, beta) == [900, 100]
        await books.assert_clean()


async def test_every_process_follows_and_nothing_acknowledged_is_lost(
    pair: Pair,
    redis_url: str,
    start_api: Callable[..., Api],
    start_process: Callable[[str, Settings], Child],
    start_mail_catcher: Callable[[], mail_catcher.MailCatcher],
) -> None:
    first, second = pair.primary, pair.standby
    catcher = start_mail_catcher()
    settings = make_settings(database_url=pair.url, redis_url=redis_url, smtp_url=catcher.url)
    api = start_api(database_url=settings.database_url, smtp_url=settings.smtp_url)
    for name in ("relay", "worker"):
        start_process(name, settings)
    async with opened(pair.url) as books:
        async with under_load(books) as load:
            await load.until_more()
            assert server_of(api) == (f"127.0.0.1:{first.port}", "primary")
            first.kill()
            told = "only servers that take no writes can be reached"
            await until(lambda: ready(api)["database"] == told)
            replication.promote(second)
            await load.until_more(BACK_SECONDS)
            await until(lambda: ready(api)["status"] == "ready", BACK_SECONDS)
        await register(books, "new@example.org")
        await until(catcher.mails, BACK_SECONDS)
        await until(lambda: is_relayed(books), BACK_SECONDS)
        await books.assert_clean()

        # The old primary comes back, does not know that it was replaced, and is all there is.
        second.stop()
        first.begin()
        block_until(lambda: is_primary(first))
        with pytest.raises(errors.Unavailable):
            await books.add(load.people[0])
        told = "the only server that takes writes was replaced"
        await until(lambda: ready(api)["database"] == told)
        second.start()
        assert "Several servers accept writes" in await servers(settings)
        await load.go_on()

        # It rejoins as a standby.
        first.stop()
        replication.rejoin(first, second)
        first.start()
        replication.require(second)
        await load.go_on()
        assert f"127.0.0.1:{first.port} is a standby" in await servers(settings)
        await until(lambda: ready(api)["status"] == "ready", BACK_SECONDS)
        assert (ready(api)["server"], ready(api)["role"]) == (
            f"127.0.0.1:{second.port}",
            "primary",
        )
        for server in (first, second):
            assert load.count(server) == 2 * len(load.acknowledged)
    # No process has sent a change to the standby.
    assert "read-only transaction" not in first.log.read_text()
