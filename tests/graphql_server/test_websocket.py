"""The WebSocket protocol: how connections begin, and the codes with which they close."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import websockets.exceptions
from websockets.frames import Opcode
from websockets.sync.client import ClientConnection, connect

from tests.app.conftest import BETA, GAMMA, Api
from tests.waiting import DEADLINE_SECONDS

EVENTS = "subscription ($after: Int) { walletEvents(afterSequence: $after) { sequence } }"
LOGOUT = "mutation { logout(input: {}) { ... on SignedOut { sessions } } }"


@contextmanager
def opened(api: Api, *, after: str = "", **arguments: Any) -> Iterator[ClientConnection]:
    """A socket at the address with `after` added to it."""
    options = {"subprotocols": ["graphql-transport-ws"], "max_size": None, **arguments}
    with connect(api.socket_url + after, **options) as socket:
        yield socket


def say(socket: ClientConnection, **message: Any) -> None:
    socket.send(json.dumps(message))


def hear(socket: ClientConnection) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(socket.recv(timeout=DEADLINE_SECONDS))
    return message


def flood(socket: ClientConnection, add_frame: Callable[[], None]) -> None:
    """Send 100 frames in one write. A client that writes after the server has closed the socket gets an
    error instead of the close frame.
    """
    with socket.protocol_mutex:
        for _ in range(100):
            add_frame()
        socket.socket.sendall(b"".join(socket.protocol.data_to_send()))


def begin(socket: ClientConnection, token: str | None = None) -> None:
    payload = {"Authorization": f"Bearer {token}"} if token else {}
    say(socket, type="connection_init", payload=payload)
    assert hear(socket) == {"type": "connection_ack"}


def subscribe(socket: ClientConnection, number: str, query: str, **variables: Any) -> None:
    say(socket, type="subscribe", id=number, payload={"query": query, "variables": variables})


def close_code(socket: ClientConnection) -> int | None:
    hear_to_the_end(socket)
    return socket.close_code


def hear_to_the_end(socket: ClientConnection) -> list[dict[str, Any]]:
    heard = []
    try:
        while True:
            heard.append(json.loads(socket.recv(timeout=DEADLINE_SECONDS)))
    except websockets.exceptions.ConnectionClosed:
        return heard


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        (["nonsense"], 4400),
        (["[]"], 4400),
        ([b"\x00\x01"], 4400),
        (['{"type": "unheard of"}'], 4400),
        (['{"type": "connection_init", "payload": 7}'], 4400),
        (['{"type": "connection_init"}'] * 2, 4429),
        (['{"type": "subscribe", "id": "1", "payload": {"query": "{ __typename }"}}'], 4401),
        (['{"type": "connection_init"}', '{"type": "subscribe", "id": "1"}'], 4400),
        (
            ['{"type": "connection_init"}', '{"type": "subscribe", "payload": {"query": "{a}"}}'],
            4400,
        ),
        (
            [
                '{"type": "connection_init"}',
                '{"type": "subscribe", "id": "1", "payload": {"query": 7}}',
            ],
            4400,
        ),
        (['{"type": "connection_init", "payload": {"Authorization": "Bearer forged"}}'], 4401),
        (['{"type": "connection_init", "payload": {"Authorization": "Basic YTpi"}}'], 4401),
        (['{"type": "connection_init", "payload": {"Authorization": 7}}'], 4401),
        (['{"type": "connection_init", "payload": {"Authorization": "Bearer mw_unknown"}}'], 4401),
    ],
)
def test_a_broken_protocol_closes_with_its_code(
    api: Api, messages: list[str | bytes], code: int
) -> None:
    with opened(api) as socket:
        for message in messages:
            socket.send(message)
        assert close_code(socket) == code


def test_a_second_subscriber_of_one_id_closes_the_socket(api: Api) -> None:
    token = api.sign_in()
    with opened(api) as socket:
        begin(socket, token)
        subscribe(socket, "1", EVENTS)
        subscribe(socket, "1", EVENTS)
        assert close_code(socket) == 4409


def test_a_message_past_the_limit_closes_the_socket(api: Api) -> None:
    with opened(api) as socket:
        begin(socket)
        socket.send(json.dumps({"type": "ping", "payload": {"a": "a" * 70_000}}))
        assert close_code(socket) == 1009


def test_who_does_not_begin_is_closed(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphql_server.websocket.connection.INIT_SECONDS", 0.1)
    with opened(api) as socket:
        assert close_code(socket) == 4408


def test_another_subprotocol_is_refused(api: Api) -> None:
    for subprotocols in (["graphql-ws"], None):
        with opened(api, subprotocols=subprotocols) as socket:
            assert close_code(socket) == 4406


def test_a_token_that_is_out_of_date_closes_with_4403_at_once_or_later(
    api: Api, start_api: Callable[..., Api]
) -> None:
    other = start_api(database_url=api.settings.database_url)
    token = other.sign_in()
    with opened(other) as socket:
        begin(socket, token)
        subscribe(socket, "1", EVENTS)
        other.expire_tokens()
        assert close_code(socket) == 4403
    token = other.expired(token)
    with opened(other) as socket:
        say(socket, type="connection_init", payload={"Authorization": f"Bearer {token}"})
        assert close_code(socket) == 4403


def test_a_session_that_ends_closes_its_sockets_with_4401(api: Api) -> None:
    token, other = api.sign_in(BETA), api.sign_in(BETA)
    with opened(api) as socket, opened(api) as unrelated:
        begin(socket, token)
        begin(unrelated, other)
        subscribe(socket, "1", EVENTS)
        api.data(LOGOUT, token=token)
        assert close_code(socket) == 4401
        say(unrelated, type="ping")
        assert hear(unrelated) == {"type": "pong"}
    with opened(api) as socket:
        say(socket, type="connection_init", payload={"Authorization": f"Bearer {token}"})
        assert close_code(socket) == 4401


@pytest.mark.parametrize(
    ("origin", "is_allowed"),
    [
        (None, True),
        ("http://127.0.0.1:8000", True),
        ("https://friend.example", True),
        ("https://FRIEND.example:443", True),
        ("http://friend.example", False),
        ("https://evil.example", False),
        ("http://127.0.0.1.evil.example:8000", False),
        ("null", False),
        ("nonsense", False),
    ],
)
def test_a_socket_from_a_foreign_page_is_refused(
    start_api: Callable[..., Api], origin: str | None, is_allowed: bool
) -> None:
    api = start_api(allowed_origins=("https://friend.example",))
    if is_allowed:
        with opened(api, origin=origin) as socket:
            begin(socket)
        return
    with pytest.raises(websockets.exceptions.InvalidStatus) as refused, opened(api, origin=origin):
        pass
    assert refused.value.response.status_code == 403


def test_a_page_of_this_machine_may_whatever_it_is_called(api: Api) -> None:
    with opened(api, origin=f"http://127.0.0.1:{api.port}") as socket:
        begin(socket)
    with (
        pytest.raises(websockets.exceptions.InvalidStatus),
        opened(api, origin="http://127.0.0.1:1"),
    ):
        pass


def test_a_socket_elsewhere_is_refused(api: Api) -> None:
    with (
        pytest.raises(websockets.exceptions.InvalidStatus) as refused,
        connect(f"ws://{api.host}:{api.port}/elsewhere"),
    ):
        pass
    assert refused.value.response.status_code == 403


# ================================================================ the upgrade request's Authorization

VIEWER = "{ viewer { email } }"


def viewer_over(socket: ClientConnection) -> Any:
    subscribe(socket, "1", VIEWER)
    return hear(socket)["payload"]["data"]["viewer"]


def test_the_authorization_of_the_upgrade_counts_where_connection_init_has_none(api: Api) -> None:
    headers = {"Authorization": f"Bearer {api.sign_in(BETA)}"}
    with opened(api, additional_headers=headers) as socket:
        begin(socket)
        assert viewer_over(socket) == {"email": BETA}


def test_the_authorization_of_connection_init_outweighs_that_of_the_upgrade(api: Api) -> None:
    headers = {"Authorization": f"Bearer {api.sign_in(BETA)}"}
    with opened(api, additional_headers=headers) as socket:
        begin(socket, api.sign_in(GAMMA))
        assert viewer_over(socket) == {"email": GAMMA}


def test_a_bad_authorization_of_the_upgrade_closes_as_one_of_connection_init(api: Api) -> None:
    with opened(api, additional_headers={"Authorization": "Bearer forged"}) as socket:
        say(socket, type="connection_init")
        assert close_code(socket) == 4401


def test_no_authorization_lets_a_foreign_origin_in(api: Api) -> None:
    headers = {"Authorization": f"Bearer {api.sign_in(BETA)}"}
    with (
        pytest.raises(websockets.exceptions.InvalidStatus),
        opened(api, additional_headers=headers, origin="https://evil.example"),
    ):
        raise AssertionError("the socket was opened")


def test_the_authorization_of_a_get_counts(api: Api) -> None:
    answer = api.client.get(
        "/graphql",
        params={"query": VIEWER},
        headers={"authorization": f"Bearer {api.sign_in(BETA)}"},
    )
    assert answer.json() == {"data": {"viewer": {"email": BETA}}}


@pytest.mark.parametrize(
    "message",
    [
        {"type": "ping"},
        {"type": "pong"},
        {"type": "complete", "id": "unknown"},
        {"type": "subscribe", "id": "refused", "payload": {"query": "{ nonsense }"}},
    ],
    ids=lambda message: str(message["type"]),
)
def test_a_flood_of_messages_that_start_no_operation_closes_the_socket(
    api: Api, start_api: Callable[..., Api], message: dict[str, Any]
) -> None:
    six_a_minute = start_api(database_url=api.settings.database_url, rate_limit_factor=0.01)
    with opened(six_a_minute) as socket:
        begin(socket)
        text = json.dumps(message).encode()
        flood(socket, lambda: socket.protocol.send_text(text))
        heard = hear_to_the_end(socket)
        assert socket.close_code == 1008
        # Those within the limit were answered.
        assert len(heard) in ((6, 7) if message["type"] in ("ping", "subscribe") else (0,))


@pytest.mark.parametrize("kind", [Opcode.PING, Opcode.PONG], ids=["pings", "pongs"])
def test_a_flood_of_ping_frames_closes_the_socket(
    api: Api, start_api: Callable[..., Api], kind: Opcode
) -> None:
    six_a_minute = start_api(database_url=api.settings.database_url, rate_limit_factor=0.01)
    with opened(six_a_minute) as socket:
        begin(socket)
        protocol = socket.protocol
        send = protocol.send_ping if kind is Opcode.PING else protocol.send_pong
        flood(socket, lambda: send(b""))
        assert close_code(socket) == 1008


def test_ordinary_pings_are_answered(api: Api, start_api: Callable[..., Api]) -> None:
    limited = start_api(database_url=api.settings.database_url, rate_limit_factor=1)
    with opened(limited) as socket:
        begin(socket)
        for number in range(300):
            say(socket, type="ping", payload={"number": number})
            assert hear(socket) == {"type": "pong", "payload": {"number": number}}
            assert socket.ping().wait(DEADLINE_SECONDS)
