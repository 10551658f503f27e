"""Server-sent events: streams of one operation each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.app.conftest import BETA, GAMMA, Api
from tests.graphql_server.test_websocket import EVENTS, LOGOUT
from tests.graphql_server.test_websocket_operations import judge


@contextmanager
def streamed(
    api: Api, query: str, *, token: str | None = None, **headers: str
) -> Iterator[Iterator[dict[str, Any]]]:
    sent = {"accept": "text/event-stream", **{k.replace("_", "-"): v for k, v in headers.items()}}
    if token is not None:
        sent["authorization"] = f"Bearer {token}"
    with api.client.stream("POST", "/graphql", json={"query": query}, headers=sent) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        yield _events(answer)


def _events(answer: httpx.Response) -> Iterator[dict[str, Any]]:
    event: dict[str, Any] = {}
    for line in answer.iter_lines():
        name, _, value = line.partition(":")
        if not line:
            if event:
                yield event
            event = {}
        elif name:
            event[name] = value.strip()
            if name == "data" and event[name]:
                event["payload"] = json.loads(event[name])


def test_a_query_is_one_event_and_the_end(api: Api) -> None:
    with streamed(api, "{ wallet { currency } }") as events:
        assert next(events)["payload"] == {"data": {"wallet": {"currency": "USD"}}}
        assert next(events)["event"] == "complete"
        assert list(events) == []


def test_each_events_id_is_its_sequence_even_if_it_was_not_selected(api: Api) -> None:
    token = api.sign_in(GAMMA)
    with streamed(api, "subscription { w: walletEvents { __typename } }", token=token) as events:
        # Heard once the stream stands.
        sequence = api.add_balance(token)
        event = next(events)
        assert event["event"] == "next"
        assert event["id"] == str(sequence)
        assert event["payload"] == {"data": {"w": {"__typename": "TransactionPosted"}}}


def test_last_event_id_counts_as_after_sequence(api: Api) -> None:
    token = api.sign_in(GAMMA)
    first = api.add_balance(token)
    second = api.add_balance(token)
    query = EVENTS.replace("($after: Int)", "").replace("$after", "0")
    with streamed(api, query, token=token, last_event_id=str(first)) as events:
        assert next(events)["id"] == str(second)
    with streamed(api, query, token=token, last_event_id="nonsense") as events:
        assert next(events)["id"] == "1"


def test_a_last_event_id_that_is_not_in_the_ledger_is_refused_at_the_field(
    api: Api,
) -> None:
    query = "subscription { walletEvents { sequence } }"
    with streamed(api, query, token=api.sign_in(GAMMA), last_event_id="999999") as events:
        error = next(events)["payload"]["errors"][0]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        assert error["locations"] == [{"line": 1, "column": query.index("walletEvents") + 1}]


def test_a_stream_ends_with_its_session(api: Api) -> None:
    token = api.sign_in(BETA)
    query = "subscription { walletEvents { sequence } }"
    with streamed(api, query, token=token) as events:
        api.data(LOGOUT, token=token)
        error = next(events)["payload"]["errors"][0]
        assert error["extensions"]["code"] == "UNAUTHENTICATED"
        assert next(events)["event"] == "complete"


def test_a_stream_ends_when_its_token_is_out_of_date(
    api: Api, start_api: Callable[..., Api]
) -> None:
    other = start_api(database_url=api.settings.database_url)
    with streamed(
        other, "subscription { walletEvents { sequence } }", token=other.sign_in()
    ) as events:
        other.expire_tokens()
        assert "expired" in next(events)["payload"]["errors"][0]["message"]
        assert next(events)["event"] == "complete"


def test_a_stream_ends_when_the_process_stops(api: Api, start_api: Callable[..., Api]) -> None:
    stopping = start_api(database_url=api.settings.database_url)
    token = stopping.sign_in()
    with streamed(stopping, "subscription { walletEvents { sequence } }", token=token) as events:
        stopping.stop()
        assert next(events)["event"] == "complete"


def test_what_is_refused_before_the_stream_has_a_status(api: Api) -> None:
    accept = "text/event-stream"
    assert api.post("{", accept=accept).status_code == 400
    assert api.post("{ viewer { id } }", token="forged", accept=accept).status_code == 401
    refused = api.client.get(
        "/graphql",
        params={"query": "mutation { logout(input: {}) { __typename } }"},
        headers={"accept": accept},
    )
    assert refused.status_code == 405


def test_signed_out_a_subscription_is_refused_in_the_stream(api: Api) -> None:
    with streamed(api, "subscription { walletEvents { sequence } }") as events:
        error = next(events)["payload"]["errors"][0]
        assert error["extensions"]["code"] == "UNAUTHENTICATED"
        assert next(events)["event"] == "complete"


def test_the_official_client_hears_of_everything_after_its_last_sequence(api: Api) -> None:
    token = api.sign_in(GAMMA)
    sequence = api.add_balance(token)
    lines = judge(
        "sse.mjs", api, URL=f"{api.url}/graphql", TOKEN=token, AFTER=str(sequence - 1), COUNT="1"
    )
    heard = [line["event"]["sequence"] for line in lines if "event" in line]
    assert heard == [sequence]
