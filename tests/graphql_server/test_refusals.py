"""Refused requests count against their client, and introspection has a limit of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from dev import channels
from tests.app.conftest import Api, code_of
from tests.app.test_addresses import pusher_settings
from tests.graphql_server.test_websocket import begin, close_code, hear, opened, say, subscribe

#: One block of refused requests (five), one of reads (fifty), and one question about the schema.
FACTOR = 0.02
KNOWN = "{ wallet { currency } }"


@pytest.fixture
def limited(api: Api, start_api: Callable[..., Api]) -> Api:
    server = start_api(database_url=api.settings.database_url, rate_limit_factor=FACTOR)
    server.data(KNOWN)
    return server


def wrong_documents() -> Iterator[str]:
    yield "{"
    yield "{ nothing }"
    yield "{ viewer { " + " ".join(f"a{n}: id" for n in range(60)) + " } }"
    yield "query A { __typename } query B { __typename }"
    yield "query ($n: Int!) { viewer { transactions(first: $n) { nodes { id } } } }"


def test_a_client_that_is_refused_too_often_has_no_unknown_documents_read(limited: Api) -> None:
    for query in wrong_documents():
        assert code_of(limited.post(query).json()) != "RATE_LIMITED"
    # The next refusal is one too many, and after it nothing unknown is read.
    limited.post("{ nothing1 }")
    refused = limited.post("{ nothing2 }", accept="application/graphql-response+json")
    assert refused.status_code == 429
    assert code_of(refused.json()) == "RATE_LIMITED"
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert (
        code_of(limited.post("{ wallet { maximumTransfer { amount } } }").json()) == "RATE_LIMITED"
    )
    assert limited.data(KNOWN) == {"wallet": {"currency": "USD"}}


def test_a_client_that_is_refused_too_often_is_not_told_what_is_wrong_with_its_variables(
    limited: Api,
) -> None:
    query = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    assert limited.data(query, {"ids": []}) == {"nodes": []}
    for _ in range(6):
        assert code_of(limited.post(query, {"ids": [{}]}).json()) == "BAD_USER_INPUT"
    assert code_of(limited.post(query, {"ids": [{}]}).json()) == "RATE_LIMITED"
    assert limited.data(query, {"ids": ["a"]}) == {"nodes": [None]}


def test_bad_tokens_and_refusals_over_a_websocket_count_too(limited: Api) -> None:
    for _ in range(2):
        assert (
            code_of(limited.post("{ viewer { id } }", token="forged").json()) == "UNAUTHENTICATED"
        )
    with opened(limited) as socket:
        begin(socket)
        for number in range(4):
            subscribe(socket, f"{number}", "{ nothing }")
            assert code_of({"errors": hear(socket)["payload"]}) == "GRAPHQL_VALIDATION_FAILED"
        subscribe(socket, "last", "{ nothing }")
        assert code_of({"errors": hear(socket)["payload"]}) == "RATE_LIMITED"


def test_a_client_that_is_refused_too_often_has_no_unknown_api_tokens_looked_up(
    api: Api, limited: Api
) -> None:
    person = limited.post(KNOWN, token=api.sign_in()).json()
    assert "errors" not in person
    unknown = "mw_" + "A" * 60
    codes = [code_of(limited.post("{ viewer { id } }", token=unknown).json()) for _ in range(7)]
    assert codes == ["UNAUTHENTICATED"] * 6 + ["RATE_LIMITED"]
    # Access tokens are verified without the database.
    assert "errors" not in limited.post(KNOWN, token=api.sign_in()).json()
    with opened(limited) as socket:
        say(socket, type="connection_init", payload={"Authorization": f"Bearer {unknown}"})
        assert close_code(socket) == 1013


def test_signing_pusher_channels_counts_as_reading(
    api: Api, start_api: Callable[..., Api], start_channels: Callable[[], channels.Channels]
) -> None:
    pushing = start_api(
        database_url=api.settings.database_url,
        rate_limit_factor=FACTOR,
        **pusher_settings(start_channels().environment),
    )
    bearer = {"authorization": f"Bearer {api.sign_in()}"}
    asked = {"socket_id": "1.1", "channel_name": "private-of-somebody-else"}
    answers = [pushing.client.post("/pusher/auth", headers=bearer, data=asked) for _ in range(51)]
    assert [answer.status_code for answer in answers] == [403] * 50 + [429]
    assert code_of(answers[-1].json()) == "RATE_LIMITED"
    seconds = int(answers[-1].headers["retry-after"])
    assert 1 <= seconds <= 60
    assert answers[-1].json()["errors"][0]["extensions"]["retryAfterSeconds"] == seconds
    assert answers[-1].headers["ratelimit"] == f'"reads";r=0;t={seconds}'


def test_introspection_has_a_limit_of_its_own(limited: Api) -> None:
    query = "{ __schema { queryType { name } } }"
    assert limited.data(query)
    assert code_of(limited.post(query).json()) == "RATE_LIMITED"
    assert limited.data(KNOWN)


def test_a_request_for_nothing_but_its_type_counts_as_a_read(limited: Api) -> None:
    # The fixture has read once.
    answers = [limited.post("{ __typename }").json() for _ in range(50)]
    assert ["errors" in answer for answer in answers] == [False] * 49 + [True]
    assert code_of(answers[-1]) == "RATE_LIMITED"
