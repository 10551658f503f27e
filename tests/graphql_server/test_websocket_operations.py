"""Concurrent operations on a WebSocket: results, completion and refusals."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from dev import node
from graphql_server.facts import RequestFacts
from graphql_server.requests import GraphQLRequest
from graphql_server.websocket.operations import Operations
from tests.app.conftest import ALPHA, Api, judges
from tests.graphql_server import toy
from tests.graphql_server.test_websocket import (
    EVENTS,
    begin,
    hear,
    hear_to_the_end,
    opened,
    say,
    subscribe,
)


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


def test_too_many_operations_at_once_are_refused(api: Api) -> None:
    token = api.sign_in()
    with opened(api) as socket:
        begin(socket, token)
        for number in range(51):
            subscribe(socket, str(number), EVENTS)
        refused = hear(socket)
        assert (refused["type"], refused["id"]) == ("error", "50")
        assert refused["payload"][0]["extensions"]["code"] == "QUERY_TOO_EXPENSIVE"


def test_when_the_process_stops_work_under_way_is_finished_and_sockets_close_with_1012(
    api: Api, start_api: Callable[..., Api], monkeypatch: pytest.MonkeyPatch
) -> None:
    stopping = start_api(database_url=api.settings.database_url)
    token = stopping.sign_in()
    with opened(stopping) as socket:
        begin(socket, token)
        subscribe(socket, "watch", EVENTS)
        login = "mutation ($i: LoginInput!) { login(input: $i) { __typename } }"
        # Both at once: otherwise, the result could come before the answer to the ping.
        with stopping.held():
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


# ================================================================ without a socket


class Listener:
    """A client that notes what it hears, and which ids were free as it heard it."""

    def __init__(self) -> None:
        engine = toy.engine(toy.Service())
        known = RequestFacts(client_ip="192.0.2.1", request_id="socket")
        self.operations = Operations(engine, known, None, self)
        self.heard: list[dict[str, Any]] = []
        self.free: list[bool] = []

    async def send(self, message: dict[str, Any]) -> None:
        self.heard.append(message)
        self.free.append(message["id"] not in self.operations)

    def lose(self) -> None:
        raise AssertionError


@pytest.mark.anyio
async def test_operations_that_begin_together_are_told_apart_in_the_log() -> None:
    listener = Listener()
    for name in ("one", "two"):
        await listener.operations.begin(name, GraphQLRequest("{ requestId }"), None)
    await listener.operations.finish(20)
    answers = {one["id"]: one["payload"] for one in listener.heard if one["type"] == "next"}
    assert answers == {
        "one": {"data": {"requestId": "socket.1"}},
        "two": {"data": {"requestId": "socket.2"}},
    }


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("query", "last"),
    [("{ requestId }", "complete"), ("query ($n: Boolean!) { a: requestId @skip(if: $n) }", "error")],
)  # fmt: skip
async def test_who_hears_that_an_operation_is_over_may_take_its_id_anew(
    query: str, last: str
) -> None:
    listener = Listener()
    await listener.operations.begin("one", GraphQLRequest(query), None)
    await listener.operations.finish(20)
    assert (listener.heard[-1]["type"], listener.free[-1]) == (last, True)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("subscription", "first"),
    [("late { sequence }", "next"), ("late(refused: true) { sequence }", "error")],
)
async def test_queries_wait_until_subscriptions_before_them_have_started(
    subscription: str, first: str
) -> None:
    listener = Listener()
    await listener.operations.begin(
        "watch", GraphQLRequest(f"subscription {{ {subscription} }}"), None
    )
    await listener.operations.begin("query", GraphQLRequest("{ me }"), None)
    await listener.operations.finish(20)
    heard = [(message["id"], message["type"]) for message in listener.heard]
    assert heard[0] == ("watch", first)
    assert ("query", "next") in heard


@pytest.mark.anyio
async def test_queries_do_not_wait_for_a_subscription_that_was_completed() -> None:
    listener = Listener()
    await listener.operations.begin(
        "watch", GraphQLRequest("subscription { late { sequence } }"), None
    )
    listener.operations.complete("watch")
    await listener.operations.begin("query", GraphQLRequest("{ me }"), None)
    await listener.operations.finish(20)
    assert [message["id"] for message in listener.heard] == ["query", "query"]


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
