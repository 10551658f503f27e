"""The short path answers plain requests as ASGI does, and leaves everything unusual to ASGI."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send
from uvicorn import Config
from uvicorn.server import ServerState

from app.http.connections import Connections, HttpConnection
from app.http.cors import Cors
from app.http.edge import Edge
from app.http.envelope import Envelope
from app.http.hosts import Hosts
from app.http.origins import Origins
from app.http.short_path import Exchange, ShortPath
from app.telemetry.metrics import Metrics
from graphql_server.http.answering import Response
from tests.app.conftest import Api
from tests.app.test_connections import Recording, turns
from tests.app.test_edge import connect, read_all, status_of
from tests.conftest import make_settings

__all__ = ["connect"]

JSON = b"Content-Type: application/json"
GRAPHQL_JSON = b"Accept: application/graphql-response+json"
TYPENAME = b'{"query":"{ __typename }"}'
VIEWER = b'{"query":"{ viewer { sequence } }"}'
SUBSCRIPTION = b'{"query":"subscription { walletEvents { __typename } }"}'


def request(body: bytes, *lines: bytes, target: bytes = b"/graphql") -> bytes:
    head = [
        b"POST %b HTTP/1.1" % target,
        b"Host: 127.0.0.1",
        b"Content-Length: %d" % len(body),
        b"X-Request-Id: the-same",
        *lines,
    ]
    return b"\r\n".join([*head, b"", body])


def read_one(connection: socket.socket) -> bytes:
    """One response, without its date."""
    received = b""
    while True:
        received += connection.recv(65_536)
        head, _, body = received.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head)
        if length is not None and len(body) == int(length[1]):
            return re.sub(rb"date: [^\r]*", b"", received)


@pytest.fixture
def served(api: Api, monkeypatch: pytest.MonkeyPatch) -> list[Exchange]:
    """What the short path of the shared API serves from now on."""
    exchanges: list[Exchange] = []
    serve = api.app.short_path.serve

    async def recorded(exchange: Exchange, *arguments: Any) -> None:
        exchanges.append(exchange)
        await serve(exchange, *arguments)

    monkeypatch.setattr(api.app.short_path, "serve", recorded)
    return exchanges


@pytest.mark.parametrize(
    ("body", "lines", "status"),
    [
        (TYPENAME, [JSON], 200),
        (TYPENAME, [JSON, GRAPHQL_JSON], 200),
        (TYPENAME, [JSON, b"Origin: http://127.0.0.1"], 200),
        (TYPENAME, [JSON, b"Origin: https://shop.example"], 200),
        (TYPENAME, [JSON, b"X-Request-Id-2: a b"], 200),
        (VIEWER, [JSON], 200),
        (VIEWER, [JSON, b"Authorization: Bearer a"], 200),
        (VIEWER, [JSON, b"Authorization: Bearer a", GRAPHQL_JSON], 401),
        (VIEWER, [JSON, b"Accept: text/html"], 406),
        (b'{"query":"{ nothing }"}', [JSON], 200),
        (b'{"query":"{"}', [JSON, GRAPHQL_JSON], 400),
        (b"[]", [JSON], 400),
        (b"", [JSON], 400),
        (b"\xff", [JSON], 400),
        (TYPENAME, [], 415),
        (TYPENAME, [b"Content-Type: text/plain"], 415),
        (TYPENAME, [JSON, b"Cookie: wallet_refresh=a; wallet_refresh=b"], 400),
        (SUBSCRIPTION, [JSON], 400),
    ],
)
def test_both_paths_answer_the_same(
    connect: Callable[..., socket.socket],
    served: list[Exchange],
    body: bytes,
    lines: list[bytes],
    status: int,
) -> None:
    connection = connect()
    connection.sendall(request(body, *lines))
    short = read_one(connection)
    assert status_of(short) == status
    assert len(served) == 1
    connection.sendall(request(body, *lines, target=b"/graphql?"))
    assert read_one(connection) == short
    assert len(served) == 1


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (request(TYPENAME, JSON, target=b"/graphql?a=b"), 200),
        (request(TYPENAME, JSON, b"Expect: 100-continue"), 100),
        (request(TYPENAME, JSON, b"Connection: close"), 200),
        (request(TYPENAME, JSON, b"Content-Encoding: gzip"), 415),
        (request(TYPENAME, JSON, b"A: a", b"A: b"), 200),
        (request(TYPENAME, JSON).replace(b"HTTP/1.1", b"HTTP/1.0"), 200),
        (request(TYPENAME, JSON).replace(b"127.0.0.1", b"evil.example"), 421),
        (request(TYPENAME, JSON).replace(b"POST", b"PUT"), 405),
        (request(TYPENAME + b" " * 70_000, JSON), 413),
        (request(SUBSCRIPTION, JSON, b"Accept: text/event-stream"), 200),
    ],
)
def test_what_is_unusual_is_left_to_asgi(
    connect: Callable[..., socket.socket], served: list[Exchange], data: bytes, status: int
) -> None:
    connection = connect()
    connection.sendall(data)
    assert status_of(connection.recv(65_536)) == status
    assert served == []


def test_requests_that_arrive_together_are_answered_in_order(
    connect: Callable[..., socket.socket], served: list[Exchange]
) -> None:
    connection = connect()
    named = [request(b'{"query":"{ a%d: __typename }"}' % n, JSON) for n in range(5)]
    connection.sendall(b"".join(named) + request(TYPENAME, JSON, b"Connection: close"))
    answers = read_all(connection).split(b"HTTP/1.1 200")[1:]
    assert [answer.rpartition(b"\r\n")[2] for answer in answers] == [
        *(b'{"data":{"a%d":"Query"}}' % n for n in range(5)),
        b'{"data":{"__typename":"Query"}}',
    ]
    assert len(served) == 1
    assert b"connection: close" in answers[-1]


# ================================================================ pieces, and ends


class Served:
    """A connection whose requests are answered by the path they took."""

    def __init__(self) -> None:
        settings = make_settings(database_url="postgresql://a/b", redis_url="redis://a")
        self.edge = Edge(settings)
        self.state = ServerState()
        self.left: list[Exchange] = []
        metrics = Metrics()
        envelope = Envelope(
            self._asgi, settings, Hosts(settings, shows_mail=True), lambda: metrics, str
        )
        cors = Cors(envelope, Origins(settings), {})
        short_path = ShortPath("/graphql", envelope, cors, self._short)
        connections = Connections(self.edge, short_path)
        config = Config(envelope, lifespan="off", log_config=None)
        self.connection: HttpConnection = connections(config, self.state, {})
        self.transport = Recording()
        self.connection.connection_made(self.transport)

    async def _short(self, _scope: Scope, body: bytes) -> Response:
        return Response(200, "text/plain", b"short " + body)

    async def _asgi(self, _scope: Scope, receive: Receive, send: Send) -> None:
        body, goes_on = b"long ", True
        while goes_on:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message["body"]
            goes_on = message["more_body"]
        headers = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    @property
    def answers(self) -> list[bytes]:
        return [write.rpartition(b"\r\n")[2] for write in self.transport.writes]


HEAD = request(b"abc", JSON).removesuffix(b"abc")


@pytest.mark.anyio
async def test_a_body_in_a_piece_of_its_own_is_waited_for_and_a_third_piece_is_not() -> None:
    served = Served()
    for pieces, answer in (
        ([HEAD + b"abc"], b"short abc"),
        ([HEAD, b"abc"], b"short abc"),
        ([HEAD[:20], HEAD[20:] + b"a", b"bc"], b"short abc"),
        ([HEAD, b"a", b"bc"], b"long abc"),
        ([HEAD + b"a", b"b", b"c"], b"long abc"),
    ):
        for piece in pieces:
            served.connection.data_received(piece)
            await turns()
        assert served.answers[-1] == answer
    assert len(served.answers) == 5


@pytest.mark.anyio
@pytest.mark.parametrize("began", [b"", b"a"])
async def test_a_request_whose_body_is_late_is_left_to_asgi(began: bytes) -> None:
    served = Served()
    served.connection.data_received(HEAD + began)
    # The edge does this when the deadline has passed.
    served.connection.expire()
    await turns()
    assert served.answers == []
    served.connection.data_received(b"abc"[len(began) :])
    await turns()
    assert served.answers == [b"long abc"]


@pytest.mark.anyio
async def test_a_request_whose_body_is_under_way_is_answered_at_shutdown() -> None:
    served = Served()
    served.connection.data_received(HEAD)
    served.connection.shutdown()
    assert not served.transport.closed
    served.connection.data_received(b"abc")
    await turns()
    assert served.answers == [b"long abc"]
    assert b"connection: close" in served.transport.writes[-1]
    assert served.transport.closed


@pytest.mark.anyio
async def test_a_request_on_the_short_path_is_answered_at_shutdown() -> None:
    served = Served()
    served.connection.data_received(HEAD + b"abc")
    served.connection.shutdown()
    assert len(served.state.tasks) == 1
    await turns()
    assert served.answers == [b"short abc"]
    assert b"connection: close" in served.transport.writes[-1]
    assert served.transport.closed
    assert served.state.tasks == set()


@pytest.mark.anyio
@pytest.mark.parametrize("sent", [HEAD, HEAD + b"abc"])
async def test_nothing_is_written_to_a_client_that_has_gone(sent: bytes) -> None:
    served = Served()
    served.connection.data_received(sent)
    served.connection.connection_lost(None)
    await turns()
    assert served.transport.writes == []
    assert served.state.tasks == set()
    assert served.edge.connections.taken == 0


@pytest.mark.anyio
async def test_a_client_that_reads_slowly_is_waited_for() -> None:
    served = Served()
    served.connection.data_received(HEAD + b"abc")
    served.connection.pause_writing()
    await turns()
    assert served.answers == []
    served.connection.resume_writing()
    await turns()
    assert served.answers == [b"short abc"]


@pytest.mark.anyio
async def test_a_connection_that_stays_silent_after_a_response_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.http.edge._SWEEP_SECONDS", 3600)
    served = Served()
    served.connection.timeout_keep_alive = 0
    served.connection.data_received(HEAD + b"abc")
    await turns()
    assert served.answers == [b"short abc"]
    assert not served.transport.closed
    served.edge._sweep()
    assert served.transport.closed


@pytest.mark.anyio
async def test_a_failure_of_the_short_path_is_answered_and_closes_the_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fail(_self: Served, _scope: Scope, _body: bytes) -> Response:
        raise ValueError

    monkeypatch.setattr(Served, "_short", fail)
    served = Served()
    served.connection.data_received(HEAD + b"abc")
    await turns()
    [answer] = served.transport.writes
    assert status_of(answer) == 500
    assert b"connection: close" in answer
    assert served.transport.closed
