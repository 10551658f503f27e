"""GraphQL over HTTP, by the public audits and by hand."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import graphql
import httpx
import pytest
from pydantic import SecretStr

from app.dev_services import node
from tests.app.conftest import ALPHA, LOGIN, PASSWORD, Api, judges


def test_every_audit_of_graphql_http_passes(api: Api) -> None:
    found = subprocess.run(
        [node.node_path(), "audit.mjs", f"{api.url}/graphql"],
        cwd=judges(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    judged = json.loads(found.stdout)
    assert judged["failures"] == []
    assert judged["total"] == judged["ok"] == 61


# ================================================================ bad input


def code_of(answer: Any) -> str:
    error = answer["errors"][0]
    assert isinstance(error["message"], str)
    code: str = error["extensions"]["code"]
    return code


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
    monkeypatch.setattr("app.http.bodies._READ_SECONDS", 0.1)
    head = (
        "POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
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


def test_exponential_fragments_cost_no_time(api: Api) -> None:
    chain = "".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }} " for n in range(50))
    began = time.monotonic()
    api.post("{ ...F0 }" + chain + "fragment F50 on Query { __typename }")
    assert time.monotonic() - began < 2


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


# ================================================================ GET, methods, negotiation


def test_get_answers_queries_and_refuses_mutations(api: Api) -> None:
    assert api.client.get("/graphql", params={"query": "{ __typename }"}).json() == {
        "data": {"__typename": "Query"}
    }
    refused = api.client.get(
        "/graphql", params={"query": "mutation { logout(input: {}) { __typename } }"}
    )
    assert refused.status_code == 405
    assert refused.headers["allow"] == "POST"
    assert api.client.get("/graphql", params={"query": "{a}", "variables": "{"}).status_code == 400
    assert api.client.get("/graphql?query=%ff").status_code == 400
    assert api.client.put("/graphql").status_code == 405


def test_the_hardened_profile_turns_off_get_introspection_suggestions_and_the_playground(
    start_api: Callable[..., Api],
) -> None:
    api = start_api(graphql_profile="hardened")
    refused = api.client.get("/graphql", params={"query": "{ __typename }"})
    assert refused.status_code == 405
    assert code_of(refused.json()) == "BAD_USER_INPUT"
    assert api.client.get("/graphql", headers={"accept": "text/html"}).status_code == 405
    introspected = api.post("{ __schema { types { name } } }").json()
    assert code_of(introspected) == "GRAPHQL_VALIDATION_FAILED"
    misspelt = api.post("{ walet { currency } }").json()
    assert "Did you mean" not in misspelt["errors"][0]["message"]
    assert api.data("{ wallet { currency } }") == {"wallet": {"currency": "USD"}}


def test_the_whole_schema_can_be_introspected_as_graphiql_does(api: Api) -> None:
    query = graphql.get_introspection_query(
        specified_by_url=True, directive_is_repeatable=True, input_value_deprecation=True
    )
    found = api.data(query)
    assert "MoneySent" in {kind["name"] for kind in found["__schema"]["types"]}


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("application/json", "application/json"),
        (
            "application/graphql-response+json, application/json;q=0.9",
            "application/graphql-response+json",
        ),
        ("application/json, application/graphql-response+json;q=0.5", "application/json"),
        (
            "application/graphql-response+json, application/json, text/event-stream, multipart/mixed",
            "application/graphql-response+json",
        ),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "application/json"),
        ("text/event-stream", "text/event-stream"),
    ],
)
def test_the_answer_is_of_the_type_that_is_accepted(
    api: Api, accept: str | None, answered: str
) -> None:
    request = api.client.build_request("POST", "/graphql", json={"query": "{ __typename }"})
    request.headers.pop("accept")
    if accept is not None:
        request.headers["accept"] = accept
    answer = api.client.send(request)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == f"{answered}; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"


def test_an_accept_that_allows_nothing_of_ours_is_not_acceptable(api: Api) -> None:
    assert api.post("{ __typename }", accept="image/png").status_code == 406


# ================================================================ who asks


def test_a_bad_token_fails_the_request_but_does_not_stand_in_the_way_of_signing_in(
    api: Api,
) -> None:
    refused = api.post(
        "{ viewer { id } }", token="forged", accept="application/graphql-response+json"
    )
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Bearer")
    assert code_of(refused.json()) == "UNAUTHENTICATED"
    assert api.post("{ viewer { id } }", token="forged").status_code == 200
    body = {"input": {"email": ALPHA, "password": PASSWORD}}
    signed_in = api.post(LOGIN, body, token="forged").json()
    assert signed_in["data"]["login"]["__typename"] == "SignedIn"


def test_the_refresh_token_of_a_browser_is_in_an_http_only_cookie(api: Api) -> None:
    login = api.post(LOGIN, {"input": {"email": ALPHA, "password": PASSWORD, "useCookie": True}})
    assert login.json()["data"]["login"]["credentials"]["refreshToken"] is None
    cookie = login.headers["set-cookie"]
    for part in ("wallet_refresh=", "HttpOnly", "SameSite=Strict", "Path=/graphql", "Max-Age="):
        assert part in cookie
    assert "Secure" not in cookie
    refresh = "mutation { refreshSession(input: {}) { __typename ... on UserError { message } } }"
    again = api.post(refresh)
    assert again.json()["data"]["refreshSession"]["__typename"] == "SignedIn", again.json()
    api.client.cookies.clear()
    wrong = api.post(refresh, cookie="wallet_refresh=nonsense")
    assert wrong.json()["data"]["refreshSession"]["__typename"] == "InvalidToken"
    assert "Max-Age=0" in wrong.headers["set-cookie"]


def test_cookies_are_secure_where_the_app_is_https(api: Api, start_api: Callable[..., Api]) -> None:
    secure = start_api(app_url="https://wallet.example", database_url=api.settings.database_url)
    login = secure.post(LOGIN, {"input": {"email": ALPHA, "password": PASSWORD, "useCookie": True}})
    assert "; Secure" in login.headers["set-cookie"]
    assert "max-age" in login.headers["strict-transport-security"]


# ================================================================ faults of ours


def test_a_fault_is_masked_and_logged_with_its_reference(
    api: Api, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    token = api.sign_in()

    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("SELECT secret FROM /etc/passwd")

    monkeypatch.setattr("persistence.history.lines", fail)
    answer = api.post("{ viewer { transactions { nodes { id } } } }", token=token).json()
    error = answer["errors"][0]
    assert error["extensions"]["code"] == "INTERNAL"
    assert error["extensions"]["reference"] in error["message"]
    assert "SELECT" not in json.dumps(answer)
    logged = capfd.readouterr()
    assert error["extensions"]["reference"] in logged.out + logged.err


def test_an_expected_refusal_leaves_no_traceback(
    api: Api, capfd: pytest.CaptureFixture[str]
) -> None:
    answer = api.post("mutation { logout(input: {}) { __typename } }").json()
    assert code_of(answer) == "UNAUTHENTICATED"
    logged = capfd.readouterr()
    assert "Traceback" not in logged.out + logged.err


def test_a_database_that_is_away_is_said_to_be_unavailable(
    api: Api, start_api: Callable[..., Api]
) -> None:
    token = api.sign_in()
    away = start_api(database_url=SecretStr("postgresql://nobody@127.0.0.1:9/nothing"))
    answer = away.post("{ viewer { id } }", token=token, accept="application/graphql-response+json")
    assert answer.status_code == 503
    assert code_of(answer.json()) == "UNAVAILABLE"
