"""The header `GraphQL-Cost`: what an operation costs, beside its result or instead of executing it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.app.conftest import ADD, Api, code_of

PAGE = "query ($n: Int) { viewer { transactions(first: $n) { nodes { id } } } }"
EVENTS = "subscription { walletEvents { __typename } }"
MAXIMUM = 2_000


def ask(api: Api, query: str, value: str, variables: Any = None, **more: str) -> httpx.Response:
    return api.post(query, variables, **{"GraphQL-Cost": value, **more})


def cost_of(answer: httpx.Response) -> int:
    cost = answer.json()["extensions"]["cost"]
    assert set(cost) == {"requested", "maximum"}
    assert cost["maximum"] == MAXIMUM
    requested: int = cost["requested"]
    return requested


def test_the_cost_is_told_beside_the_result(api: Api) -> None:
    token = api.sign_in()
    small, large = (ask(api, PAGE, "1", {"n": n}, token=token) for n in (1, 100))
    assert len(small.json()["data"]["viewer"]["transactions"]["nodes"]) <= 1
    assert cost_of(large) - cost_of(small) == 99
    assert "extensions" not in api.post(PAGE, {"n": 1}, token=token).json()


def test_only_the_cost_is_told_and_nothing_is_executed(api: Api) -> None:
    token = api.sign_in()
    added = {"input": {"amount": "1.00", "idempotencyKey": "only-the-cost"}}
    before = api.data("{ viewer { sequence } }", token=token)
    answer = ask(api, ADD, "only", added, token=token)
    assert answer.status_code == 200
    assert answer.json()["data"] is None
    assert set(answer.json()) == {"data", "extensions"}
    assert cost_of(answer) > 10
    assert api.data("{ viewer { sequence } }", token=token) == before
    # The key was not used either.
    assert api.data(ADD, added, token=token)["addBalance"]["__typename"] == "BalanceAdded"


def test_the_cost_of_a_subscription_is_told_without_a_stream(api: Api) -> None:
    for accept in ("application/json", "text/event-stream", "*/*"):
        answer = ask(api, EVENTS, "only", accept=accept)
        assert answer.headers["content-type"].startswith("application/json")
        assert cost_of(answer) == 1


@pytest.mark.parametrize("value", ["1", "only"])
def test_what_costs_too_much_is_refused_with_its_cost(api: Api, value: str) -> None:
    query = "{ viewer { transactions(first: 100) { nodes { %s } } } }"
    inside = " ".join(f"a{n}: counterparty {{ id }}" for n in range(30))
    answer = ask(api, query % inside, value, token=api.sign_in())
    assert code_of(answer.json()) == "QUERY_TOO_EXPENSIVE"
    assert cost_of(answer) > MAXIMUM
    assert "extensions" not in api.post(query % inside).json()


@pytest.mark.parametrize("value", ["1", "only"])
def test_what_is_wrong_with_the_request_is_told_as_ever(api: Api, value: str) -> None:
    for query, variables, code in (
        ("{ nonsense }", None, "GRAPHQL_VALIDATION_FAILED"),
        (PAGE, {"n": "many"}, "BAD_USER_INPUT"),
    ):
        answer = ask(api, query, value, variables)
        assert code_of(answer.json()) == code
        assert "extensions" not in answer.json()
    forged = ask(api, PAGE, value, token="forged")
    assert code_of(forged.json()) == "UNAUTHENTICATED"


def test_another_value_of_the_header_is_refused(api: Api) -> None:
    for value in ("", "0", "true", "1, only"):
        answer = ask(api, "{ __typename }", value)
        assert answer.status_code == 400
        assert code_of(answer.json()) == "BAD_USER_INPUT"


def test_a_mutation_by_get_stays_refused(api: Api) -> None:
    query = {"query": "mutation { logout(input: {}) { __typename } }"}
    answer = api.client.get("/graphql", params=query, headers={"GraphQL-Cost": "only"})
    assert answer.status_code == 405


def test_results_in_a_stream_tell_the_cost_too(api: Api) -> None:
    answer = ask(api, "{ viewer { id } }", "1", accept="text/event-stream")
    assert '"extensions":{"cost":{"requested":1,"maximum":2000}}' in answer.text


def test_pages_of_other_origins_may_send_the_header(api: Api) -> None:
    asked = {
        "origin": str(api.settings.app_url),
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type,graphql-cost",
    }
    answer = api.client.options("/graphql", headers=asked)
    assert "graphql-cost" in answer.headers["access-control-allow-headers"]
