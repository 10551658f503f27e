"""Twenty seconds of fault injection, and tests of the proxies that it depends on."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import pytest

from domain import events, ids
from settings import ROOT
from tests.waiting import until
from torture import faults, http1, run
from torture.channels_tap import ChannelsTap
from torture.client import Answer, Client, Lost
from torture.link import NONE, Chances, Link
from torture.record import Record

HOST = "127.0.0.1"
ALWAYS = {"cut": 0.0, "swallow": 0.0, "truncate": 0.0, "delay": 0.0, "longest_delay_seconds": 0.0}
USER = UUID(int=7)

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def test_every_promise_is_kept_while_everything_breaks(tmp_path: Path) -> None:
    few = ["--seconds", "20", "--seed", "4", "--users", "8", "--movers", "4"]
    finished = subprocess.run(
        [sys.executable, "-P", "-m", "torture.run", *few],
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert finished.returncode == 0, f"{finished.stdout[-8000:]}\n{finished.stderr[-4000:]}"
    for fault in faults.FIRST:
        assert f"{fault.name}, ended" in finished.stdout
    assert not list(tmp_path.iterdir())


def test_its_help_lists_the_options(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run.main(["--help"])
    assert ended.value.code == 0
    assert "--seed" in capsys.readouterr().out


# ================================================================ disturbed connections


class Echo:
    """Answers every request with an empty answer, and counts them."""

    def __init__(self) -> None:
        self.requests = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await http1.read_message(reader)
                self.requests += 1
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
                await writer.drain()
        except (EOFError, OSError):
            writer.close()


@asynccontextmanager
async def serving(
    answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[int]:
    """The port of a server that answers like this."""
    server = await asyncio.start_server(answer, HOST, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@asynccontextmanager
async def linked(chances: Chances) -> AsyncIterator[tuple[Echo, Link, Client]]:
    """A server, the proxy in front of it, and a client."""
    echo, rng = Echo(), random.Random(1)
    async with serving(echo) as port:
        link = Link(port, rng, chances)
        await link.start()
        client = Client([link.port], rng, lambda answer: None)
        try:
            yield echo, link, client
        finally:
            client.close()
            await link.stop()
            await until(lambda: link.open == 0)


async def asked(client: Client) -> Answer:
    return await client.ask("{ viewer { sequence } }", {}, None)


async def test_over_an_undisturbed_connection_every_request_is_answered() -> None:
    async with linked(NONE) as (echo, _, client):
        for _ in range(3):
            assert (await asked(client)).status == 200
        assert echo.requests == 3


async def test_a_cut_request_never_arrives() -> None:
    async with linked(Chances(**{**ALWAYS, "cut": 1.0})) as (echo, _, client):
        with pytest.raises(Lost):
            await asked(client)
        assert echo.requests == 0


async def test_a_request_whose_answer_is_swallowed_arrives() -> None:
    async with linked(Chances(**{**ALWAYS, "swallow": 1.0})) as (echo, _, client):
        with pytest.raises(Lost):
            await asked(client)
        assert echo.requests == 1


async def test_half_an_answer_is_lost() -> None:
    async with linked(Chances(**{**ALWAYS, "truncate": 1.0})) as (echo, _, client):
        with pytest.raises(Lost):
            await asked(client)
        assert echo.requests == 1


@pytest.mark.parametrize("status", ["500 Oh", "200 OK"])
async def test_a_page_that_is_not_json_is_a_failure(status: str) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await http1.read_message(reader)
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 4\r\n\r\nOops".encode())
        writer.close()

    seen: list[Answer] = []
    async with serving(refuse) as port:
        client = Client([port], random.Random(1), seen.append)
        answer = await asked(client)
        client.close()
    assert seen == [answer]
    assert answer.status == int(status[:3])
    assert answer.code == ""
    assert "Oops" in answer.message


async def test_after_all_connections_were_cut_the_next_request_is_answered() -> None:
    async with linked(NONE) as (_, link, client):
        await asked(client)
        link.cut_all()
        await until(lambda: link.open == 0)
        assert (await asked(client)).status == 200


# ================================================================ in front of the Channels server


def triggered(*sequences: int) -> bytes:
    channel = events.pusher_channel(ids.new_id())
    transaction = {"id": ids.global_id("Transaction", USER, 1), "reference": str(USER)}
    told = {"balance": {"amount": "1.50"}, "transaction": transaction}
    name = events.PUSHER_TRANSACTION
    batch = [
        {"name": name, "channel": channel, "data": json.dumps({"sequence": n, **told})}
        for n in sequences
    ]
    body = json.dumps({"batch": batch}).encode()
    head = f"POST /apps/1/batch_events HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


@asynccontextmanager
async def tapped(port: int) -> AsyncIterator[tuple[ChannelsTap, Record]]:
    record = Record(1)
    tap = ChannelsTap(0, port, random.Random(1), record)
    await tap.start()
    try:
        yield tap, record
    finally:
        await tap.stop()


async def trigger(tap: ChannelsTap, request: bytes) -> http1.Message:
    reader, writer = await asyncio.open_connection(HOST, tap.port)
    try:
        writer.write(request)
        return await http1.read_message(reader)
    finally:
        writer.close()


async def test_accepted_events_are_recorded_in_order_even_if_the_answer_is_withheld() -> None:
    async with serving(Echo()) as port, tapped(port) as (tap, record):
        tap.swallow = 0.0
        assert (await trigger(tap, triggered(1, 2))).status == 200
        tap.swallow = 1.0
        with pytest.raises(EOFError):
            await trigger(tap, triggered(3))
        assert record.pushed == {USER: [1, 2, 3]}
        assert record.pushed_content == {USER: [(150, USER)] * 3}


async def test_events_that_were_not_accepted_are_not_recorded() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await http1.read_message(reader)
        writer.write(b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async with serving(refuse) as port, tapped(port) as (tap, record):
        tap.swallow = 0.0
        assert (await trigger(tap, triggered(1))).status == 500
        assert record.pushed == {}
