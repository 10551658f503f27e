"""GRAPHQL_EXECUTOR: `interpreted` returns the same responses as `compiled`, over every transport."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.app.conftest import ADD, GAMMA, Api
from tests.graphql_server import test_multipart, test_sse, test_websocket

QUERIES: list[tuple[str, dict[str, Any]]] = [
    ("{ __typename }", {}),
    ("{ viewer { id user { name } balance { amount } transactions(first: 3) { nodes { id } } } }", {}),
    ("query ($n: Int) { viewer { transactions(first: $n) { nodes { sequence } } } }", {"n": 101}),
    ("query ($n: Int) { viewer { transactions(first: $n) { nodes { sequence } } } }", {"n": "x"}),
    ('{ searchUsers(query: "user") { nodes { name } } nodes(ids: ["a"]) { id } }', {}),
    ("{ __schema { queryType { name } } }", {}),
    ("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": [{}] * 100}),
    ("{ nothing }", {}),
    (ADD, {"input": {"amount": "1.00", "idempotencyKey": "test-key-of-both"}}),
    (ADD, {"input": {"amount": "0", "idempotencyKey": "test-key-of-none"}}),
]  # fmt: skip
EVENTS = (
    "subscription { walletEvents(afterSequence: 0) { __typename sequence balance { amount } } }"
)


@pytest.fixture
def interpreted(api: Api, start_api: Callable[..., Api]) -> Api:
    return start_api(database_url=api.settings.database_url, graphql_executor="interpreted")


def test_interpreted_executes_no_plan(api: Api, interpreted: Api) -> None:
    for server, is_compiled in ((api, True), (interpreted, False)):
        engine = server.app._graphql._engine  # type: ignore[union-attr]
        operation = engine._documents.operation("{ wallet { currency } }", None)
        assert (operation.plan is not None) is is_compiled


@pytest.mark.parametrize(("query", "variables"), QUERIES)
def test_queries_and_mutations_have_the_same_answers(
    api: Api, interpreted: Api, query: str, variables: dict[str, Any]
) -> None:
    token = api.sign_in(GAMMA)
    for bearer in (token, None):
        api.post(query, variables, token=bearer)
        expected = api.post(query, variables, token=bearer).json()
        assert interpreted.post(query, variables, token=bearer).json() == expected
        heard = []
        for server in (api, interpreted):
            with test_websocket.opened(server) as socket:
                test_websocket.begin(socket, bearer)
                test_websocket.subscribe(socket, "1", query, **variables)
                heard.append(test_websocket.hear(socket))
        assert heard[0] == heard[1]
        assert heard[0]["payload"] in (expected, expected.get("errors"))


def test_subscriptions_have_the_same_events(api: Api, interpreted: Api) -> None:
    token = api.sign_in(GAMMA)
    api.add_balance(token)
    heard = []
    for server in (api, interpreted):
        with test_websocket.opened(server) as socket:
            test_websocket.begin(socket, token)
            test_websocket.subscribe(socket, "1", EVENTS)
            heard.append(test_websocket.hear(socket)["payload"])
        with test_sse.streamed(server, EVENTS, token=token) as events:
            heard.append(next(events)["payload"])
        with test_multipart.streamed(server, EVENTS, token=token) as parts:
            heard.append(next(test_multipart.results(parts))["payload"])
    assert heard[0]["data"]["walletEvents"]["sequence"] == 1
    assert heard == heard[:1] * 6
