"""Relays and workers as separate processes, killed and restarted during their work."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack

import pytest
import redis

from dev import channels, mail_catcher, valkey
from dev.processes import Child
from persistence.delivery import cursors, mails, outbox
from persistence.people import registrations
from settings import Settings
from tests.books import Books
from tests.conftest import make_settings
from tests.dev.faulty_smtp import FaultySmtp
from tests.jobs.channel import listening, take
from tests.waiting import PATIENCE_SECONDS, until

pytestmark = pytest.mark.anyio

Start = Callable[..., Child]


async def is_all_done(books: Books) -> bool:
    told = (await outbox.backlog(books.database)).count == 0
    return told and not await cursors.lag(books.database)


def pushing(books: Books, redis_url: str, server: channels.Channels, **more: str) -> Settings:
    environment = {name.lower(): value for name, value in server.environment.items()}
    return make_settings(database_url=books.url, redis_url=redis_url, **{**environment, **more})


async def test_killed_relays_and_workers_lose_nothing_and_keep_the_order(
    books: Books,
    start_process: Start,
    start_channels: Callable[[], channels.Channels],
    start_valkey: Callable[[], valkey.Valkey],
) -> None:
    server, memory = start_channels(), start_valkey()
    settings = pushing(books, memory.url, server)
    people = [books.join() for _ in range(3)]
    running = [start_process(name, settings) for name in ("relay", "worker", "worker")]
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(listening(settings, each)) for each in people]
        heard = asyncio.gather(*(_until_hundred(socket) for socket in sockets))
        for number in range(100):
            await asyncio.gather(*(books.add(someone) for someone in people))
            if number == 20:
                running[0].signal(signal.SIGKILL)
            elif number == 40:
                start_process("relay", settings)
                running[1].signal(signal.SIGKILL)
            elif number == 50:
                with redis.Redis.from_url(memory.url) as client:
                    client.flushall()
            elif number == 60:
                memory.kill()
            elif number == 80:
                memory.start()
        for sequences in await heard:
            # At least once, and in order: a repeat never comes after something newer was new.
            newest = 0
            for sequence in sequences:
                assert sequence <= newest + 1
                newest = max(newest, sequence)
            assert newest == 100
    await until(lambda: is_all_done(books), PATIENCE_SECONDS)


async def _until_hundred(socket: object) -> list[int]:
    sequences: list[int] = []
    while not sequences or max(sequences) < 100:
        sequences += await take(socket, 1, seconds=45)  # type: ignore[arg-type]
    return sequences


async def test_a_channels_server_that_comes_back_is_given_everything_in_order(
    books: Books,
    start_process: Start,
    start_channels: Callable[[], channels.Channels],
    redis_url: str,
) -> None:
    server = start_channels()
    settings = pushing(books, redis_url, server)
    server.kill()
    zoe = books.join()
    start_process("relay", settings)
    worker = start_process("worker", settings)
    for _ in range(25):
        await books.add(zoe)
    await until(lambda: "did not accept" in worker.log.read_text(), PATIENCE_SECONDS)
    # Held until the listener is there: what is triggered before is not for it.
    worker.signal(signal.SIGSTOP)
    server.start()
    async with listening(settings, zoe) as socket:
        worker.signal(signal.SIGCONT)
        assert await take(socket, 25) == list(range(1, 26))
    await until(lambda: is_all_done(books), PATIENCE_SECONDS)


async def test_a_worker_finishes_the_job_under_way_before_it_stops(
    books: Books, start_process: Start, start_smtp: Callable[..., object], redis_url: str
) -> None:
    await registrations.register(
        books.database, name="New", email="new@example.org", password_hash="-"
    )
    slow = await _SlowSmtp.start()
    settings = make_settings(
        database_url=books.url, redis_url=redis_url, smtp_url=f"smtp://127.0.0.1:{slow.port}"
    )
    start_process("relay", settings)
    worker = start_process("worker", settings)
    await until(slow.is_asked, PATIENCE_SECONDS)
    worker.signal(signal.SIGTERM)
    await until(lambda: not worker.running or slow.answer(), PATIENCE_SECONDS)
    await until(lambda: not worker.running, PATIENCE_SECONDS)
    assert worker.exit_status == 0, worker.log_tail()
    assert await mails.counts(books.database) == {"pending": 0, "failed": 0, "unknown_purpose": 0}
    await slow.close()


async def test_the_mail_of_a_killed_worker_is_sent_by_another_within_the_lease(
    books: Books, start_process: Start, start_smtp: Callable[..., FaultySmtp], redis_url: str
) -> None:
    smtp = start_smtp()
    settings = make_settings(database_url=books.url, redis_url=redis_url, smtp_url=smtp.url)
    smtp.hold()
    await registrations.register(
        books.database, name="New", email="new@example.org", password_hash="-"
    )
    start_process("relay", settings)
    killed = start_process("worker", settings)
    await until(lambda: smtp.tries == 1, PATIENCE_SECONDS)
    killed.signal(signal.SIGKILL)
    await until(lambda: not killed.running, PATIENCE_SECONDS)
    # What it had begun is not accepted; the server takes what comes next.
    smtp.stop()
    smtp.let_go()
    smtp.start()
    start_process("worker", settings)
    await until(lambda: len(smtp.mails) == 1, seconds=PATIENCE_SECONDS)
    await until(lambda: _sent(books) == 1, PATIENCE_SECONDS)


async def test_failed_mails_are_retried_on_request_and_idle_processes_stop_cleanly(
    books: Books,
    start_process: Start,
    start_mail_catcher: Callable[[], mail_catcher.MailCatcher],
    redis_url: str,
) -> None:
    catcher = start_mail_catcher()
    settings = make_settings(database_url=books.url, redis_url=redis_url, smtp_url=catcher.url)
    await registrations.register(
        books.database, name="New", email="new@example.org", password_hash="-"
    )
    books.connection.execute("UPDATE mails SET state = 'failed'")
    relay = start_process("relay", settings)
    worker = start_process("worker", settings, "--retry-failed")
    await until(lambda: len(catcher.mails()) == 1, PATIENCE_SECONDS)
    await until(lambda: _sent(books) == 1, PATIENCE_SECONDS)
    await until(
        lambda: all("has started" in child.log.read_text() for child in (relay, worker)),
        PATIENCE_SECONDS,
    )
    for child in (relay, worker):
        child.ask_to_stop()
    await until(lambda: not relay.running and not worker.running, PATIENCE_SECONDS)
    assert [relay.exit_status, worker.exit_status] == [0, 0], worker.log_tail()


def _sent(books: Books) -> int:
    row = books.connection.execute("SELECT count(*) FROM mails WHERE state = 'sent'").fetchone()
    assert row is not None
    return int(str(row[0]))


class _SlowSmtp:
    """An SMTP server that takes a mail's text and answers when it is told to."""

    def __init__(self) -> None:
        self.port = 0
        self._asked = asyncio.Event()
        self._answer = asyncio.Event()

    @classmethod
    async def start(cls) -> _SlowSmtp:
        self = cls()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def is_asked(self) -> bool:
        return self._asked.is_set()

    def answer(self) -> bool:
        self._answer.set()
        return True

    async def close(self) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 slow\r\n")
        while entry := await reader.readline():
            if entry.upper().startswith(b"DATA"):
                writer.write(b"354 Go on\r\n")
                await reader.readuntil(b"\r\n.\r\n")
                self._asked.set()
                await self._answer.wait()
            writer.write(b"250 OK\r\n")
            await writer.drain()
            if entry.upper().startswith(b"QUIT"):
                break
        writer.close()
        await writer.wait_closed()
