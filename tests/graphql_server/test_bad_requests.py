"""Invalid and excessive requests are refused with their code and affect no other request."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import httpx
import pytest

from tests.app.conftest import ALPHA, LOGIN, PASSWORD, Api, code_of


def send(api: Api, body: bytes, content_type: str = "application/json") -> httpx.Response:
    return api.client.post("/graphql", content=body, headers={"content-type": content_type})


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"null", 400),
        (b"7", 400),
        (b'"{ __typename }"', 400),
        (b'[{"query": "{ __typename }"}]', 400),
        (b'{"query": "{ __typename }", "variables": [1]}', 400),
        (b'{"query": "{ __typename }", "variables": NaN}', 400),
        (b'{"query": "{ __typename \xff }"}', 400),
        (b'{"query": "{ __typename \\ud800 }"}', 400),
        (b"[" * 20_000, 400),
        (
            b'{"query": "{ __typename }", "variables": ' + b'{"a":' * 5_000 + b"1" + b"}" * 5_001,
            400,
        ),
        (b'{"query": "' + b" " * 70_000 + b'"}', 413),
    ],
)
def test_a_body_that_is_no_request_is_refused(api: Api, body: bytes, status: int) -> None:
    answer = send(api, body)
    assert answer.status_code == status
    assert code_of(answer.json()) == "BAD_USER_INPUT"


def test_an_eleven_megabyte_body_is_refused_and_the_api_goes_on(api: Api) -> None:
    assert send(api, b'{"query": "' + b"a" * 11_000_000 + b'"}').status_code == 413

    def chunks() -> Iterator[bytes]:
        for _ in range(11):
            yield b"a" * 1_000_000

    answer = api.client.post(
        "/graphql", content=chunks(), headers={"content-type": "application/json"}
    )
    assert answer.status_code == 413
    assert api.data("{ __typename }") == {"__typename": "Query"}


def test_a_body_that_does_not_arrive_is_not_waited_for(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("graphql_server.bodies._READ_SECONDS", 0.1)
    head = (
        "POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        "Content-Length: 100\r\n\r\n{"
    )
    with socket.create_connection((api.host, api.port), timeout=10) as connection:
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonp"],
)
def test_only_json_is_taken(api: Api, content_type: str) -> None:
    answer = send(api, b'{"query": "{ __typename }"}', content_type)
    assert answer.status_code == 415


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ viewer }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ transferPreview(amount: 1.5) { __typename } }", "GRAPHQL_VALIDATION_FAILED"),
        ('{ transferPreview(amount: "1e5") { __typename } }', "GRAPHQL_VALIDATION_FAILED"),
        ("{ __typename @skip(if: true) @skip(if: true) }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ ...A } fragment A on Query { ...A }", "GRAPHQL_VALIDATION_FAILED"),
        ("query A { __typename } query B { __typename }", "BAD_USER_INPUT"),
        ("fragment A on Query { __typename }", "GRAPHQL_VALIDATION_FAILED"),
        ("{" * 150 + "}" * 150, "GRAPHQL_PARSE_FAILED"),
        ("{ a" * 1000, "GRAPHQL_PARSE_FAILED"),
        ("{ ... on Query " * 100 + "{ __typename }" + "}" * 100, "QUERY_TOO_EXPENSIVE"),
        ("{" + "wallet { currency } " * 600 + "}", "QUERY_TOO_EXPENSIVE"),
        ("{" + " ".join(f"a{n}: __typename" for n in range(51)) + "}", "QUERY_TOO_EXPENSIVE"),
        ("{ __typename" + " @include(if: true)" * 60 + "}", "QUERY_TOO_EXPENSIVE"),
        (
            "{ viewer " + "{ user " * 20 + "{ id }" + "}" * 21,
            "QUERY_TOO_EXPENSIVE",
        ),
        (
            "{ viewer {"
            + " ".join(
                f"a{n}: transactions(first: 100) {{ nodes {{ amount {{ amount }} }} }}"
                for n in range(20)
            )
            + "} }",
            "QUERY_TOO_EXPENSIVE",
        ),
        (
            "{" + "".join(f"s{n}: __schema {{ types {{ name }} }}" for n in range(3)) + "}",
            "QUERY_TOO_EXPENSIVE",
        ),
    ],
)
def test_a_wrong_document_has_its_code(api: Api, query: str, code: str) -> None:
    legacy = api.post(query)
    assert legacy.status_code == 200
    assert code_of(legacy.json()) == code
    assert "data" not in legacy.json()
    modern = api.post(query, accept="application/graphql-response+json")
    assert modern.status_code == 400
    assert modern.headers["content-type"].startswith("application/graphql-response+json")


def test_exponential_fragments_are_each_followed_once(api: Api) -> None:
    # Who followed them wherever they are spread would not come to an end.
    chain = "".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }} " for n in range(48))
    answer = api.post("{ ...F0 }" + chain + "fragment F48 on Query { __typename }")
    assert answer.json() == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize(
    "value", [1.5, True, "NaN", "1e5", "1,000", "", " 1", "١٢", "1\u0000", [1], {"a": 1}, None]
)
def test_a_wrong_variable_is_bad_user_input(api: Api, value: object) -> None:
    answer = api.post(
        "query ($amount: Decimal!) { transferPreview(amount: $amount) { __typename } }",
        {"amount": value},
    )
    assert code_of(answer.json()) == "BAD_USER_INPUT"
    assert "data" not in answer.json()


def test_a_whole_number_of_any_length_is_read_exactly(api: Api) -> None:
    token = api.sign_in()
    query = """query ($amount: Decimal!) { transferPreview(amount: $amount) { __typename } }"""
    for amount in (10**30, -(10**30), 2**64):
        preview = api.data(query, {"amount": amount}, token=token)["transferPreview"]
        assert preview == {"__typename": "InvalidAmount"}
    text = json.dumps({"query": query, "variables": {"amount": "7" * 19, "other": 1.5}})
    assert send(api, text.encode()).json()["data"] is None, "a long number in a string is a string"


def test_what_was_wrong_is_not_repeated_with_its_password(api: Api) -> None:
    answer = api.post(LOGIN, {"input": {"emale": ALPHA, "password": PASSWORD}})
    assert code_of(answer.json()) == "BAD_USER_INPUT"
    assert PASSWORD not in answer.text
    assert all(error["message"].endswith(("'.", "?")) for error in answer.json()["errors"])


def test_a_cost_that_a_variable_drives_is_counted_each_time(api: Api) -> None:
    query = (
        "query ($n: Int) { viewer {"
        + " ".join(f"a{n}: transactions(first: $n) {{ nodes {{ id }} }}" for n in range(20))
        + "} }"
    )
    assert api.post(query, {"n": 1}).json() == {"data": {"viewer": None}}
    assert code_of(api.post(query, {"n": 100}).json()) == "QUERY_TOO_EXPENSIVE"
    nodes = "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Viewer { transactions { nodes { id } } } } }"
    assert "errors" not in api.post(nodes, {"ids": ["a"]}).json()
    assert code_of(api.post(nodes, {"ids": ["a"] * 100}).json()) == "QUERY_TOO_EXPENSIVE"
