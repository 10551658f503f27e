"""The network edge under attack through raw sockets: limits on sizes, times and numbers."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Callable, Iterator

import httpx
import pytest
import websockets.exceptions

from app.http import edge
from settings import Settings
from tests.app.conftest import ALPHA, LOGIN, PASSWORD, Api, _Running
from tests.app.test_sockets import shake_hands
from tests.conftest import make_settings
from tests.graphql_server.test_websocket import begin, close_code, opened
from tests.waiting import block_until

GET = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"
POST = (
    b"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    b"Content-Length: 27\r\n"
)


@pytest.fixture
def connect(api: Api) -> Iterator[Callable[..., socket.socket]]:
    """Open connections to the shared API, or to another, and close them in the end."""
    with contextlib.ExitStack() as closing:

        def connect(to: Api = api) -> socket.socket:
            opened = socket.create_connection((to.host, to.port), timeout=20)
            return closing.enter_context(opened)

        yield connect


def read_all(connection: socket.socket) -> bytes:
    """All that comes until the server hangs up."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while chunk := connection.recv(65_536):
            received += chunk
    return received


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def code_of(answer: bytes) -> str:
    body = json.loads(answer.partition(b"\r\n\r\n")[2])
    code: str = body["errors"][0]["extensions"]["code"]
    return code


# ================================================================ sizes


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /?a=" + b"a" * 16_400 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 414),
        (b"GET /?a=" + b"a" * 20 * 2**20, 414),
        (GET + b"A: " + b"a" * 32_800 + b"\r\n\r\n", 431),
        (GET + b"A: " + b"a" * 29 * 2**20, 431),
        (GET + b"A: a\r\n" * 5 * 2**20, 431),
        (GET + b"A: a\r\n" * 101 + b"\r\n", 431),
        (b"\r\n" * 100_000, 431),
        (b"nonsense\r\n\r\n", 400),
        (b"GET /\x00 HTTP/1.1\r\n\r\n", 400),
        (b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n", 405),
    ],
    ids=[
        "long address",
        "endless address",
        "large header",
        "endless header",
        "endless headers",
        "many headers",
        "endless lines",
        "no HTTP",
        "a null byte",
        "a tunnel",
    ],
)
def test_a_head_that_is_too_large_or_no_head_is_refused(
    connect: Callable[..., socket.socket], head: bytes, status: int
) -> None:
    connection = connect()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        connection.sendall(head)
    answer = read_all(connection)
    assert status_of(answer) == status
    assert code_of(answer) == "BAD_USER_INPUT"
    assert b"x-content-type-options: nosniff" in answer


def test_a_head_within_the_limits_is_served_however_it_arrives(
    connect: Callable[..., socket.socket],
) -> None:
    connection = connect()
    large = b"GET /healthz?a=" + b"a" * 16_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    large += b"A: " + b"a" * 32_000 + b"\r\n" + b"Connection: close\r\n\r\n"
    # After a body that is larger than a head may be, in the same piece.
    before = POST.replace(b"Content-Length: 27", b"Content-Length: 60000")
    whole = before + b"\r\n" + b" " * 60_000 + large
    for start in range(0, len(whole), 50_000):
        connection.sendall(whole[start : start + 50_000])
    answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'{"status":"ok"}' in answer


def test_a_handshake_that_the_websocket_parser_would_not_take_is_refused(
    connect: Callable[..., socket.socket],
) -> None:
    connection = connect()
    connection.sendall(
        b"GET /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Cookie: " + b"a" * 9_000 + b"\r\n\r\n"
    )
    assert status_of(read_all(connection)) == 431


def test_an_answer_under_way_is_not_replaced_by_a_refusal_of_what_follows(
    api: Api, connect: Callable[..., socket.socket]
) -> None:
    body = json.dumps(
        {"query": LOGIN, "variables": {"input": {"email": ALPHA, "password": PASSWORD}}}
    ).encode()
    head = POST.replace(b": 27", b": %d" % len(body)) + b"\r\n"
    for after in (
        b"nonsense\r\n\r\n",
        GET + b"A: " + b"a" * 600_000,
        GET + b"A: a\r\n" * 101 + b"\r\n",
    ):
        connection = connect()
        connection.sendall(head + body + after)
        answer = read_all(connection)
        assert status_of(answer) == 200
        assert b'"SignedIn"' in answer
        assert answer.count(b"HTTP/1.1") == 1


def test_a_body_that_is_broken_is_refused_at_once(connect: Callable[..., socket.socket]) -> None:
    connection = connect()
    head = POST.replace(b"Content-Length: 27", b"Transfer-Encoding: chunked") + b"\r\n"
    connection.sendall(head + b'5\r\n{"que\r\nnonsense')
    assert status_of(read_all(connection)) == 400


# ================================================================ deadlines


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines of a moment."""
    monkeypatch.setattr("app.http.edge._SWEEP_SECONDS", 0.05)
    for name in (
        "app.http.connections.HEAD",
        "app.http.connections.BODY",
        "graphql_server.bodies._FIRST_BYTE",
        "graphql_server.bodies._READ",
    ):
        monkeypatch.setattr(f"{name}_SECONDS", 0.3)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"", None),
        (b"GET /healthz HT", 408),
        (GET + b"A: ", 408),
        (POST + b"\r\n", 408),
        (POST + b'\r\n{"query"', 408),
        (GET + b"\r\n" + GET, 200),
    ],
    ids=[
        "silence",
        "half a line",
        "half a head",
        "a body that never begins",
        "half a body",
        "half a second head",
    ],
)
@pytest.mark.usefixtures("hurried")
def test_what_does_not_arrive_is_not_waited_for(
    start_api: Callable[..., Api],
    connect: Callable[..., socket.socket],
    sent: bytes,
    status: int | None,
) -> None:
    api = start_api()
    with api.held():
        connection = connect(api)
        connection.sendall(sent)
    answer = read_all(connection)
    assert (status_of(answer) if answer else None) == status


@pytest.mark.parametrize(
    "head",
    [
        GET,
        POST.replace(b": 27", b": 50000") + b"\r\n",
        # Answered before its body is there.
        GET.replace(b"GET", b"POST") + b"Content-Length: 50000\r\n\r\n",
        # A second request on the same connection.
        GET + b"\r\nGET /hea",
    ],
    ids=["a head", "a body", "a body that nobody reads", "a second head"],
)
@pytest.mark.usefixtures("hurried")
def test_what_drips_is_not_waited_for(
    start_api: Callable[..., Api], connect: Callable[..., socket.socket], head: bytes
) -> None:
    connection = connect(start_api())
    connection.sendall(head)
    connection.settimeout(0.05)
    ended = False

    def drip() -> bool:
        nonlocal ended
        try:
            connection.sendall(b"a")
            ended = connection.recv(65_536) == b""
        except TimeoutError:
            pass
        except (BrokenPipeError, ConnectionResetError):
            ended = True
        return ended

    block_until(drip)


@pytest.mark.usefixtures("hurried")
def test_a_connection_that_is_kept_alive_may_be_silent_between_requests(
    start_api: Callable[..., Api], connect: Callable[..., socket.socket]
) -> None:
    api = start_api()
    with api.held():
        waiting, silent = connect(api), connect(api)
        waiting.sendall(GET + b"\r\n")
    assert waiting.recv(65_536).startswith(b"HTTP/1.1 200 ")
    # This one is sent nothing, and is closed in the meantime.
    assert read_all(silent) == b""
    waiting.sendall(GET + b"Connection: close\r\n\r\n")
    assert read_all(waiting).startswith(b"HTTP/1.1 200 ")


@pytest.mark.usefixtures("hurried")
def test_a_client_that_takes_nothing_in_is_gone(
    start_api: Callable[..., Api],
    connect: Callable[..., socket.socket],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.http.connections.SEND_SECONDS", 0.3)
    connection = connect(start_api())
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    # Many answers that nobody reads.
    connection.settimeout(0.05)
    query = b"GET /schema.graphql HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"

    def is_cut_off() -> bool:
        try:
            connection.sendall(query * 50)
        except TimeoutError:
            return False
        except (BrokenPipeError, ConnectionResetError):
            return True
        return False

    block_until(is_cut_off)


def test_a_socket_without_a_credential_lives_for_a_bounded_time(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("graphql_server.websocket.connection.ANONYMOUS_SECONDS", 0.3)
    token = api.sign_in()
    with opened(api) as anonymous, opened(api) as known:
        begin(known, token)
        begin(anonymous)
        assert close_code(anonymous) == 4408
        known.send('{"type": "ping"}')
        assert json.loads(known.recv(timeout=10)) == {"type": "pong"}


# ================================================================ numbers


@pytest.fixture
def start_limited(settings: Settings) -> Iterator[Callable[..., Api]]:
    """Start an API with rate limits on, for a process that may open so many files."""
    with contextlib.ExitStack() as closing:

        def start(files: int = 1024, **changed: object) -> Api:
            chosen = make_settings(
                database_url=settings.database_url,
                redis_url=settings.redis_url,
                **{"rate_limit_factor": 1, **changed},
            )
            running = _Running(chosen, files)
            api = running.start()
            closing.callback(running.stop)
            closing.callback(api.client.close)
            return api

        yield start


def test_a_client_has_so_many_connections_and_no_more(
    start_limited: Callable[..., Api],
    connect: Callable[..., socket.socket],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(edge, "CONNECTIONS_PER_CLIENT", 5)
    api = start_limited()
    api.client.close()
    block_until(lambda: _status(api) == 200)
    held = [connect(api) for _ in range(5)]
    refused = read_all(connect(api))
    assert status_of(refused) == 429
    assert code_of(refused) == "RATE_LIMITED"
    assert b"retry-after: 10\r\n" in refused
    assert b'"retryAfterSeconds":10' in refused
    assert b'ratelimit-policy: "connections.client";q=5;qu="concurrent-requests"\r\n' in refused
    assert b'ratelimit: "connections.client";r=0;t=10\r\n' in refused
    held.pop().close()
    block_until(lambda: _status(api) == 200)


def _status(api: Api) -> int:
    try:
        return httpx.get(
            f"{api.url}/healthz", timeout=20, headers={"connection": "close"}
        ).status_code
    except httpx.TransportError:
        return 0


def test_connections_of_a_trusted_proxy_are_not_those_of_one_client(
    start_limited: Callable[..., Api],
    connect: Callable[..., socket.socket],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(edge, "CONNECTIONS_PER_CLIENT", 2)
    monkeypatch.setattr(edge, "STREAMS_PER_CLIENT", 1)
    api = start_limited(trusted_proxies=("127.0.0.1",))
    for _ in range(5):
        connection = connect(api)
        connection.sendall(GET + b"\r\n")
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")

    def at(address: str) -> dict[str, str]:
        return {"x-forwarded-for": address}

    # Whoever is behind it has a limit, by the whole network of an IPv6 address.
    with opened(api, additional_headers=at("2001:db8::1")):
        with opened(api, additional_headers=at("2001:db8:0:1::1")):
            pass
        with (
            pytest.raises(websockets.exceptions.InvalidStatus) as refused,
            opened(api, additional_headers=at("2001:db8::2")),
        ):
            pass
        assert refused.value.response.status_code == 429
        assert refused.value.response.headers["retry-after"]


def test_a_client_has_so_many_streams_and_requests_go_on(
    start_limited: Callable[..., Api], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge, "STREAMS_PER_CLIENT", 3)
    api = start_limited()
    with contextlib.ExitStack() as closing:
        held = [closing.enter_context(shake_hands(api)) for _ in range(3)]
        stream = api.post("{ __typename }", accept="text/event-stream")
        assert stream.status_code == 429
        assert stream.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
        assert api.data("{ __typename }") == {"__typename": "Query"}
        held.pop().close()
        block_until(
            lambda: api.post("{ __typename }", accept="text/event-stream").status_code == 200
        )


def test_files_are_kept_in_reserve(
    start_limited: Callable[..., Api], connect: Callable[..., socket.socket]
) -> None:
    api = start_limited(files=edge.RESERVED_FILES + 20)
    held = [connect(api) for _ in range(30)]
    # The connection of `api.client` is one of the twenty.
    assert [status_of(read_all(connection)) for connection in held[-11:]] == [503] * 11
    assert api.data("{ __typename }") == {"__typename": "Query"}
    metrics = api.client.get("/metrics").text
    assert "wallet_connections 20.0" in metrics
    assert 'wallet_refused_connections_total{status="503"} 11.0' in metrics
    for connection in held:
        connection.close()
    block_until(lambda: _status(api) == 200)


def test_streams_leave_connections_to_ordinary_requests(start_limited: Callable[..., Api]) -> None:
    api = start_limited(files=edge.RESERVED_FILES + 20, rate_limit_factor=0)
    with contextlib.ExitStack() as closing:
        for _ in range(19):
            closing.enter_context(shake_hands(api))
        assert api.post("{ __typename }", accept="text/event-stream").status_code == 503
        assert api.data("{ __typename }") == {"__typename": "Query"}


def test_an_idle_socket_keeps_its_place_until_it_closes(
    start_limited: Callable[..., Api],
    connect: Callable[..., socket.socket],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(edge, "CONNECTIONS_PER_CLIENT", 2)
    api = start_limited()
    with shake_hands(api):
        # The other one is that of `api.client`.
        assert status_of(read_all(connect(api))) == 429
    block_until(lambda: status_or_none(connect(api)) == 200)


def status_or_none(connection: socket.socket) -> int | None:
    with connection, contextlib.suppress(OSError):
        connection.sendall(GET + b"Connection: close\r\n\r\n")
        answer = read_all(connection)
        return status_of(answer) if answer else None
    return None
