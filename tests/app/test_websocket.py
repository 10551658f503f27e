"""The WebSocket protocol: what is answered, and with which code a socket closes."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import websockets.exceptions
from websockets.sync.client import ClientConnection, connect

from app.dev_services import node
from tests.app.conftest import ALPHA, BETA, Api, judges

EVENTS = "subscription ($after: Int) { walletEvents(afterSequence: $after) { sequence } }"
LOGOUT = "mutation { logout(input: {}) { ... on SignedOut { sessions } } }"


@contextmanager
def opened(api: Api, **arguments: Any) -> Iterator[ClientConnection]:
    options = {"subprotocols": ["graphql-transport-ws"], "max_size": None, **arguments}
    with connect(api.socket_url, **options) as socket:
        yield socket


def say(socket: ClientConnection, **message: Any) -> None:
    socket.send(json.dumps(message))


def hear(socket: ClientConnection) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(socket.recv(timeout=10))
    return message


def begin(socket: ClientConnection, token: str | None = None) -> None:
    payload = {"Authorization": f"Bearer {token}"} if token else {}
    say(socket, type="connection_init", payload=payload)
    assert hear(socket) == {"type": "connection_ack"}


def subscribe(socket: ClientConnection, number: str, query: str, **variables: Any) -> None:
    say(socket, type="subscribe", id=number, payload={"query": query, "variables": variables})


def close_code(socket: ClientConnection, seconds: float = 10) -> int | None:
    hear_to_the_end(socket, seconds)
    return socket.close_code


def hear_to_the_end(socket: ClientConnection, seconds: float = 10) -> list[dict[str, Any]]:
    heard = []
    try:
        while True:
            heard.append(json.loads(socket.recv(timeout=seconds)))
    except websockets.exceptions.ConnectionClosed:
        return heard


def test_queries_mutations_and_subscriptions_go_over_one_socket(api: Api) -> None:
    token = api.sign_in()
    with opened(api) as socket:
        begin(socket, token)
        subscribe(socket, "watch", EVENTS)
        subscribe(socket, "q", "{ wallet { currency } }")
        assert hear(socket) == {
            "type": "next",
            "id": "q",
            "payload": {"data": {"wallet": {"currency": "USD"}}},
        }
        assert hear(socket) == {"type": "complete", "id": "q"}
        sequence = api.add_balance(token)
        event = hear(socket)
        assert event["payload"] == {"data": {"walletEvents": {"sequence": sequence}}}
        say(socket, type="complete", id="watch")
        say(socket, type="ping", payload={"n": 1})
        assert hear(socket) == {"type": "pong", "payload": {"n": 1}}
        subscribe(socket, "watch", EVENTS, after=sequence - 1)
        assert hear(socket)["payload"]["data"]["walletEvents"]["sequence"] == sequence


def test_without_a_token_each_operation_answers_for_itself(api: Api) -> None:
    with opened(api) as socket:
        say(socket, type="connection_init")
        assert hear(socket) == {"type": "connection_ack"}
        subscribe(socket, "1", "{ viewer { id } }")
        assert hear(socket)["payload"] == {"data": {"viewer": None}}
        assert hear(socket)["type"] == "complete"
        subscribe(socket, "2", EVENTS)
        refused = hear(socket)
        assert refused["type"] == "error"
        assert refused["payload"][0]["extensions"]["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{" + " ".join(f"a{n}: __typename" for n in range(60)) + "}", "QUERY_TOO_EXPENSIVE"),
        ("query ($n: Int!) { viewer { contacts(first: $n) { id } } }", "BAD_USER_INPUT"),
    ],
)
def test_a_refused_operation_leaves_the_socket_open(api: Api, query: str, code: str) -> None:
    with opened(api) as socket:
        begin(socket)
        subscribe(socket, "1", query)
        refused = hear(socket)
        assert refused["type"] == "error"
        assert refused["payload"][0]["extensions"]["code"] == code
        subscribe(socket, "1", "{ __typename }")
        assert hear(socket)["type"] == "next"


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


def test_too_many_operations_at_once_are_refused(api: Api) -> None:
    token = api.sign_in()
    with opened(api) as socket:
        begin(socket, token)
        for number in range(51):
            subscribe(socket, str(number), EVENTS)
        refused = hear(socket)
        assert (refused["type"], refused["id"]) == ("error", "50")
        assert refused["payload"][0]["extensions"]["code"] == "QUERY_TOO_EXPENSIVE"


def test_who_does_not_begin_is_closed(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.graphql.websocket.INIT_SECONDS", 0.1)
    with opened(api) as socket:
        assert close_code(socket) == 4408


def test_another_subprotocol_is_refused(api: Api) -> None:
    for subprotocols in (["graphql-ws"], None):
        with opened(api, subprotocols=subprotocols) as socket:
            assert close_code(socket) == 4406


def test_a_token_that_is_out_of_date_closes_with_4403_at_once_or_later(
    api: Api, start_api: Callable[..., Api]
) -> None:
    short = start_api(database_url=api.settings.database_url, access_token_seconds=2)
    token = short.sign_in()
    with opened(short) as socket:
        begin(socket, token)
        subscribe(socket, "1", EVENTS)
        assert close_code(socket) == 4403
    with opened(short) as socket:
        say(socket, type="connection_init", payload={"Authorization": f"Bearer {token}"})
        assert close_code(socket) == 4403


def test_a_session_that_ends_closes_its_sockets_with_4401(api: Api) -> None:
    token, other = api.sign_in(BETA), api.sign_in(BETA)
    with opened(api) as socket, opened(api) as unrelated:
        begin(socket, token)
        begin(unrelated, other)
        subscribe(socket, "1", EVENTS)
        api.data(LOGOUT, token=token)
        assert close_code(socket, 5) == 4401
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


def test_when_the_process_stops_work_under_way_is_finished_and_sockets_close_with_1012(
    api: Api, start_api: Callable[..., Api], monkeypatch: pytest.MonkeyPatch
) -> None:
    stopping = start_api(database_url=api.settings.database_url)
    token = stopping.sign_in()
    with opened(stopping) as socket:
        begin(socket, token)
        subscribe(socket, "watch", EVENTS)
        login = "mutation ($i: LoginInput!) { login(input: $i) { __typename } }"
        subscribe(socket, "slow", login, i={"email": ALPHA, "password": "wrong password"})
        say(socket, type="ping")
        while hear(socket)["type"] != "pong":
            pass
        stopping.stop()
        heard = hear_to_the_end(socket)
        assert [message["type"] for message in heard if message.get("id") == "slow"] == [
            "next",
            "complete",
        ]
        assert socket.close_code == 1012


# ================================================================ the official client


def judge(script: str, api: Api, **environment: str) -> list[dict[str, Any]]:
    found = subprocess.run(
        [node.node_path(), script],
        cwd=judges(),
        env={**os.environ, "RESUME": "1", **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    return [json.loads(line) for line in found.stdout.splitlines()]


def test_the_official_client_hears_of_everything_after_its_last_sequence(api: Api) -> None:
    token = api.sign_in()
    first = api.add_balance(token)
    last = api.add_balance(token)
    lines = judge(
        "subscribe.mjs", api, URL=api.socket_url, TOKEN=token, AFTER=str(first - 1), COUNT="2"
    )
    heard = [line["event"] for line in lines if "event" in line]
    assert [event["sequence"] for event in heard] == [first, last]
    assert heard[0]["transaction"]["kind"] == "TOP_UP"
