"""Clients that send only a query's hash are told to send the document, with the error they expect."""

from __future__ import annotations

import pytest

from tests.app.conftest import Api
from tests.graphql_server import test_websocket
from tests.graphql_server.test_websocket_operations import judge

HASHED = {"persistedQuery": {"version": 1, "sha256Hash": "ab" * 32}}
ERROR = {
    "message": "PersistedQueryNotSupported",
    "extensions": {"code": "PERSISTED_QUERY_NOT_SUPPORTED"},
}


def test_a_hash_without_a_document_is_answered_so_that_clients_fall_back(api: Api) -> None:
    posted = api.client.post("/graphql", json={"extensions": HASHED})
    assert posted.json() == {"errors": [ERROR]}
    got = api.client.get(
        "/graphql", params={"extensions": '{"persistedQuery": {"version": 1, "sha256Hash": "ab"}}'}
    )
    assert got.json() == {"errors": [ERROR]}


def test_over_a_websocket_it_ends_the_operation_and_not_the_socket(api: Api) -> None:
    with test_websocket.opened(api) as socket:
        test_websocket.begin(socket)
        test_websocket.say(socket, type="subscribe", id="1", payload={"extensions": HASHED})
        assert test_websocket.hear(socket) == {"type": "error", "id": "1", "payload": [ERROR]}
        test_websocket.subscribe(socket, "1", "{ wallet { currency } }")
        assert test_websocket.hear(socket)["type"] == "next"


def test_a_document_with_a_hash_is_executed(api: Api) -> None:
    answer = api.client.post(
        "/graphql", json={"query": "{ wallet { currency } }", "extensions": HASHED}
    )
    assert answer.json() == {"data": {"wallet": {"currency": "USD"}}}


def test_a_request_without_document_and_hash_is_wrong_as_before(api: Api) -> None:
    for body in ({}, {"extensions": {}}, {"query": 7, "extensions": HASHED}):
        answer = api.client.post("/graphql", json=body)
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_the_official_clients_fall_back_to_the_document(api: Api, method: str) -> None:
    said = judge(
        "persisted.mjs",
        api,
        URL=f"{api.url}/graphql",
        METHOD=method,
        QUERY="query Currency { wallet { __typename currency } }",
    )
    data = {"wallet": {"__typename": "WalletSettings", "currency": "USD"}}
    assert said == [
        {"client": "apollo", "data": data, "requests": 2},
        {"client": "urql", "data": data, "requests": 2},
    ]
