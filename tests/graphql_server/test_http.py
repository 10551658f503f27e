"""GraphQL over HTTP: the public audits, and further tests."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

import graphql
import pytest
from pydantic import SecretStr

from dev import node
from tests.app.conftest import ALPHA, LOGIN, PASSWORD, Api, code_of, judges


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

    def fail(*_: object) -> None:
        raise RuntimeError("SELECT secret FROM /etc/passwd")

    monkeypatch.setattr("persistence.ledger.pages.first_page", fail)
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
