from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn import Config
from uvicorn.server import ServerState

from app.http.connections import Connections, HttpConnection
from app.http.edge import Edge
from app.http.gathering import Gathered, Gathering
from graphql_server.facts import RequestFacts
from tests.conftest import make_settings

pytestmark = pytest.mark.anyio

REQUEST = b"GET / HTTP/1.1\r\nhost: example\r\n\r\n"


class Recording(asyncio.Transport):
    """Keeps each write by itself, as the system would be asked for it."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: Any) -> None:
        assert not self.closed, "written after it was closed"
        self.writes.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        """There is nothing to read."""

    def resume_reading(self) -> None:
        """There is nothing to read."""


def connect(app: ASGIApp) -> tuple[HttpConnection, Recording]:
    config = Config(app, lifespan="off", log_config=None)
    connections = Connections(
        Edge(make_settings(database_url="postgresql://a/b", redis_url="redis://a"))
    )
    connection = connections(config, ServerState(), {})
    transport = Recording()
    connection.connection_made(transport)
    return connection, transport


async def turns(how_many: int = 10) -> None:
    for _ in range(how_many):
        await asyncio.sleep(0)


def start(length: int | None = None) -> dict[str, Any]:
    headers = [] if length is None else [(b"content-length", b"%d" % length)]
    return {"type": "http.response.start", "status": 200, "headers": headers}


async def test_the_head_and_the_body_of_an_answer_are_one_write() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start(length=5))
        await send({"type": "http.response.body", "body": b"hello"})

    connection, transport = connect(app)
    for number in (1, 2):
        connection.data_received(REQUEST)
        await turns()
        assert len(transport.writes) == number
        answer = transport.writes[-1]
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert answer.endswith(b"\r\n\r\nhello")


async def test_pieces_of_a_stream_are_not_held_back_until_its_end() -> None:
    goes_on = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        await goes_on.wait()
        await send({"type": "http.response.body", "body": b"last"})

    connection, transport = connect(app)
    connection.data_received(REQUEST)
    await turns()
    assert len(transport.writes) == 1
    assert transport.writes[0].endswith(b"5\r\nfirst\r\n")
    goes_on.set()
    await turns()
    assert transport.writes[1:] == [b"4\r\nlast\r\n0\r\n\r\n"]


async def test_the_answer_to_who_asks_to_close_is_written_before_the_connection_closes() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start(length=3))
        await send({"type": "http.response.body", "body": b"bye"})

    connection, transport = connect(app)
    connection.data_received(REQUEST.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))
    await turns()
    assert [write[-3:] for write in transport.writes] == [b"bye"]
    assert transport.closed


async def test_what_is_large_is_written_at_once() -> None:
    transport = Recording()
    together = Gathering(transport, lambda: None, Gathered())
    together.write(b"a")
    together.write(b"b" * 65_535)
    assert [len(write) for write in transport.writes] == [65_536]
    together.write(b"c")
    assert len(transport.writes) == 1
    await turns()
    assert transport.writes[1:] == [b"c"]


async def test_nothing_is_written_to_a_connection_that_was_closed() -> None:
    transport = Recording()
    together = Gathering(transport, lambda: None, Gathered())
    together.write(b"a")
    transport.close()
    await turns()
    assert transport.writes == []


async def test_the_request_under_way_learns_that_its_client_has_gone_whatever_is_queued() -> None:
    known = RequestFacts(request_id="one", client_ip="192.0.2.1")
    heard: list[str] = []

    async def app(scope: Scope, receive: Receive, _send: Send) -> None:
        scope["facts"] = known
        while not heard or heard[-1] != "http.disconnect":
            heard.append((await receive())["type"])

    connection, _ = connect(app)
    connection.data_received(REQUEST + REQUEST)
    await turns()
    connection.connection_lost(None)
    await turns()
    assert known.is_gone
    assert heard[-1] == "http.disconnect"
