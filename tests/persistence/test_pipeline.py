"""Several statements in one round trip, also when the connection is lost."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from urllib.parse import urlsplit

import psycopg
import pytest
import uvloop

from persistence.engine import pipeline
from tests.waiting import until

#: With it, closing a socket resets the connection.
_AT_ONCE = struct.pack("ii", 1, 0)
#: As a server says before it ends all of its sessions.
_FIELDS = b"SWARNING\0VWARNING\0C57P02\0Mterminating connection\0\0"
_NOTICE = b"N" + struct.pack("!i", len(_FIELDS) + 4) + _FIELDS
_LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]


@contextmanager
def between(url: str) -> Iterator[tuple[str, Callable[[], None]]]:
    """The same database through somebody who can reset the connection; serves one."""
    address = urlsplit(url)
    assert address.hostname is not None
    assert address.port is not None
    server = socket.create_connection((address.hostname, address.port))
    listener = socket.create_server(("127.0.0.1", 0))
    clients: list[socket.socket] = []

    def pump(source: socket.socket, target: socket.socket) -> None:
        try:
            while chunk := source.recv(65_536):
                target.sendall(chunk)
        except OSError:
            return

    def serve() -> None:
        client, _ = listener.accept()
        clients.append(client)
        threading.Thread(target=pump, args=(client, server), daemon=True).start()
        pump(server, client)

    def reset() -> None:
        client = clients[0]
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        client.sendall(_NOTICE)
        # Whoever is in recv keeps the socket open until then.
        server.shutdown(socket.SHUT_RDWR)
        client.shutdown(socket.SHUT_RD)
        client.close()

    serving = threading.Thread(target=serve, daemon=True)
    serving.start()
    port = listener.getsockname()[1]
    try:
        yield url.replace(f":{address.port}/", f":{port}/"), reset
    finally:
        server.close()
        listener.close()
        serving.join(5)


@pytest.mark.parametrize("is_under_way", [True, False])
@pytest.mark.parametrize("new_event_loop", _LOOPS)
def test_a_connection_that_is_reset_ends_its_round_trip_and_leaves_nothing_behind(
    database_url: str,
    new_event_loop: Callable[[], asyncio.AbstractEventLoop],
    *,
    is_under_way: bool,
) -> None:
    async def lose(url: str, reset: Callable[[], None]) -> None:
        connection = await psycopg.AsyncConnection.connect(
            url, autocommit=True, prepare_threshold=None
        )
        number = connection.pgconn.socket
        statements: list[pipeline.Statement] = [(b"SELECT pg_sleep(30)", ())]
        if not is_under_way:
            reset()
        trip = asyncio.ensure_future(pipeline.round_trip(connection, statements))
        if is_under_way:
            await until(lambda: _is_asleep(database_url))
            reset()
        with pytest.raises(psycopg.OperationalError):
            await asyncio.wait_for(trip, 15)
        assert not asyncio.get_running_loop().remove_reader(number)
        await connection.close()

    with (
        between(database_url) as (url, reset),
        asyncio.Runner(loop_factory=new_event_loop) as runner,
    ):
        runner.run(lose(url, reset))


@pytest.mark.parametrize("new_event_loop", _LOOPS)
def test_the_descriptor_of_a_lost_connection_is_released_before_another_socket_gets_it(
    database_url: str, new_event_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def lose(url: str, reset: Callable[[], None]) -> None:
        connection = await psycopg.AsyncConnection.connect(
            url, autocommit=True, prepare_threshold=None
        )
        number, loop = connection.pgconn.socket, asyncio.get_running_loop()
        connection.pgconn.send_query_params(b"SELECT pg_sleep(30)", ())
        connection.pgconn.flush()
        reader = pipeline._Reader(connection.pgconn, [])
        left_behind: list[bool] = []
        # Called before whoever waits for the reader: so may others be, who are given a new socket.
        reader._ended.add_done_callback(
            lambda _: left_behind.append(bool(loop.remove_reader(number)))
        )
        reading = asyncio.ensure_future(reader.read())
        await until(lambda: _is_asleep(database_url))
        reset()
        with pytest.raises(psycopg.OperationalError):
            await asyncio.wait_for(reading, 15)
        assert left_behind == [False]
        await connection.close()

    with (
        between(database_url) as (url, reset),
        asyncio.Runner(loop_factory=new_event_loop) as runner,
    ):
        runner.run(lose(url, reset))


def _is_asleep(url: str) -> bool:
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep' "
            "AND datname = current_database()"
        )
        return found.fetchone() is not None


@pytest.mark.anyio
async def test_a_query_is_written_with_names_and_bound_by_them(database_url: str) -> None:
    query = pipeline.Query(
        "SELECT :text_ || '::' || CAST(:number AS text), CAST(:ids AS uuid[]), :text_::text, "
        "CAST(:none AS int), CAST(:pause AS interval) > interval '1 hour'"
    )
    ids = [uuid.uuid4(), uuid.uuid4()]
    bound = query.bind(text_="Zoë", number=7, ids=ids, none=None, pause=timedelta(hours=2))
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        [rows] = await pipeline.round_trip(connection, [bound])
        assert rows == [("Zoë::7", ids, "Zoë", None, True)]
        [[(none, empty, *_)]] = await pipeline.round_trip(
            connection,
            [query.bind(text_="", number=0, ids=set(), none=None, pause=timedelta())],
        )
    assert (none, empty) == ("::0", [])
    with pytest.raises(KeyError):
        query.bind(text_="")
