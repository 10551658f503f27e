"""Subscriptions as parts of one body: the same streams as server-sent events, framed for Apollo's clients."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from graphql_server.http import negotiation
from tests.app.conftest import ALPHA, BETA, GAMMA, Api, code_of
from tests.graphql_server.test_websocket import EVENTS, LOGOUT
from tests.graphql_server.test_websocket_operations import judge
from tests.waiting import block_until

#: What Apollo's clients send with a subscription.
APOLLO = (
    "multipart/mixed;boundary=graphql;subscriptionSpec=1.0,"
    "application/graphql-response+json,application/json;q=0.9"
)
CONTENT_TYPE = 'multipart/mixed;boundary="graphql";subscriptionSpec="1.0"'
LISTEN = "subscription { walletEvents { sequence } }"
HEARTBEAT: dict[str, Any] = {}


@contextmanager
def streamed(
    api: Api, query: str, *, token: str | None = None, accept: str = APOLLO, **headers: str
) -> Iterator[Iterator[dict[str, Any]]]:
    sent = {"accept": accept, **{k.replace("_", "-"): v for k, v in headers.items()}}
    if token is not None:
        sent["authorization"] = f"Bearer {token}"
    with api.client.stream("POST", "/graphql", json={"query": query}, headers=sent) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"] == CONTENT_TYPE
        yield _parts(answer)


def _parts(answer: httpx.Response) -> Iterator[dict[str, Any]]:
    """Each part as soon as its closing delimiter is there; ends with the last delimiter of all."""
    rest = b""
    for chunk in answer.iter_raw():
        rest += chunk
        *parts, rest = rest.split(b"\r\n--graphql")
        for part in parts:
            if part:
                head, _, body = part.partition(b"\r\n\r\n")
                assert head == b"\r\nContent-Type: application/json"
                yield json.loads(body)
    assert rest == b"--\r\n"


def results(parts: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    return (part for part in parts if part != HEARTBEAT)


def test_events_are_parts_with_a_payload_after_a_first_heartbeat(api: Api) -> None:
    token = api.sign_in(GAMMA)
    with streamed(api, LISTEN, token=token) as parts:
        assert next(parts) == HEARTBEAT
        sequence = api.add_balance(token)
        event = next(results(parts))
        assert event == {"payload": {"data": {"walletEvents": {"sequence": sequence}}}}


def test_heartbeats_go_on_while_nothing_happens(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphql_server.http.streams.KEEP_ALIVE_SECONDS", 0.05)
    with streamed(api, LISTEN, token=api.sign_in(GAMMA)) as parts:
        assert [next(parts) for _ in range(3)] == [HEARTBEAT] * 3


def test_a_stream_resumes_after_a_sequence_by_argument_or_header(api: Api) -> None:
    token = api.sign_in(GAMMA)
    first, second = api.add_balance(token), api.add_balance(token)
    query = EVENTS.replace("($after: Int)", "").replace("$after", str(first))
    with streamed(api, query, token=token) as parts:
        assert next(results(parts))["payload"]["data"]["walletEvents"]["sequence"] == second
    query = query.replace(str(first), "0")
    with streamed(api, query, token=token, last_event_id=str(first)) as parts:
        assert next(results(parts))["payload"]["data"]["walletEvents"]["sequence"] == second


def test_a_query_gets_json_and_a_part_where_nothing_else_is_accepted(api: Api) -> None:
    query = "{ wallet { currency } }"
    expected = {"data": {"wallet": {"currency": "USD"}}}
    answer = api.post(query, accept=APOLLO)
    assert answer.headers["content-type"].startswith("application/graphql-response+json")
    assert answer.json() == expected
    with streamed(api, query, accept="multipart/mixed;subscriptionSpec=1.0") as parts:
        assert list(results(parts)) == [{"payload": expected}]


@pytest.mark.parametrize(
    "accept", ["multipart/mixed", "multipart/mixed;deferSpec=20220824", "*/*", "application/json"]
)
def test_multipart_of_another_kind_is_not_taken_for_a_subscriptions(api: Api, accept: str) -> None:
    answer = api.post(LISTEN, token=api.sign_in(), accept=accept)
    assert answer.status_code in (400, 406)
    assert "subscriptionSpec=1.0" in answer.json()["errors"][0]["message"]


def test_what_is_refused_before_the_stream_has_a_status(api: Api) -> None:
    assert api.post("subscription { nothing }", accept=APOLLO).status_code == 400
    refused = api.post(LISTEN, token="forged", accept=APOLLO)
    assert refused.status_code == 401
    assert code_of(refused.json()) == "UNAUTHENTICATED"


def test_signed_out_a_subscription_is_refused_in_the_stream_which_ends(api: Api) -> None:
    with streamed(api, LISTEN) as parts:
        [refused] = results(parts)
    assert code_of(refused["payload"]) == "UNAUTHENTICATED"


def test_a_stream_ends_with_its_session_by_an_error_of_the_protocol(api: Api) -> None:
    token = api.sign_in(BETA)
    with streamed(api, LISTEN, token=token) as parts:
        api.data(LOGOUT, token=token)
        [ended] = results(parts)
    assert ended["payload"] is None
    assert code_of(ended) == "UNAUTHENTICATED"


def test_a_stream_ends_when_its_token_is_out_of_date(
    api: Api, start_api: Callable[..., Api]
) -> None:
    other = start_api(database_url=api.settings.database_url)
    with streamed(other, LISTEN, token=other.sign_in()) as parts:
        other.expire_tokens()
        [ended] = results(parts)
    assert "expired" in ended["errors"][0]["message"]


def test_a_stream_ends_when_the_process_stops(api: Api, start_api: Callable[..., Api]) -> None:
    stopping = start_api(database_url=api.settings.database_url)
    with streamed(stopping, LISTEN, token=stopping.sign_in()) as parts:
        stopping.stop()
        assert list(results(parts)) == []


def test_who_goes_away_is_no_longer_listened_for(api: Api) -> None:
    live = api.app._opened.services.live  # type: ignore[union-attr]
    open_before = len(live._entries)
    with streamed(api, LISTEN, token=api.sign_in()) as parts:
        next(parts)
        block_until(lambda: len(live._entries) == open_before + 1)
    block_until(lambda: len(live._entries) == open_before)


def test_a_client_that_does_not_read_holds_up_only_its_own_stream(api: Api) -> None:
    token = api.sign_in(GAMMA)
    for _ in range(3):
        api.add_balance(token)
    query = "subscription { walletEvents(afterSequence: 0) { sequence transaction { id } } }"
    body = json.dumps({"query": query}).encode()
    head = (
        f"POST /graphql HTTP/1.1\r\nHost: {api.host}:{api.port}\r\nAuthorization: Bearer {token}\r\n"
        f"Accept: {APOLLO}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((api.host, api.port), timeout=10) as deaf:
        deaf.sendall(head.encode() + body)
        with streamed(api, LISTEN, token=token) as parts:
            next(parts)
            sequence = api.add_balance(token)
            heard = next(results(parts))["payload"]["data"]["walletEvents"]
            assert heard == {"sequence": sequence}


def test_head_of_a_subscription_has_the_head_of_its_stream_and_no_end_to_wait_for(
    api: Api,
) -> None:
    answer = api.client.head("/graphql", params={"query": LISTEN}, headers={"accept": APOLLO})
    assert answer.headers["content-type"] == CONTENT_TYPE
    assert answer.content == b""


# ================================================================ what is accepted


@pytest.mark.parametrize(
    ("accept", "subscription", "query"),
    [
        (APOLLO, "multipart/mixed", None),
        ('multipart/mixed; boundary="a"; subscriptionSpec="1.0", application/json',
         "multipart/mixed", None),
        ("text/event-stream", "text/event-stream", "text/event-stream"),
        ("text/event-stream, */*", "text/event-stream", "text/event-stream"),
        ("application/json, text/event-stream", "text/event-stream", None),
        ("text/event-stream;q=0.5, multipart/mixed;subscriptionSpec=1.0", "multipart/mixed",
         "multipart/mixed"),
        ("application/graphql-response+json, application/graphql+json, application/json, "
         "text/event-stream, multipart/mixed", "text/event-stream", None),
        ("text/event-stream;q=0", None, None),
        ("application/json", None, None),
        ("", None, None),
    ],
)  # fmt: skip
def test_a_subscription_is_streamed_by_what_is_accepted_best(
    accept: str, subscription: str | None, query: str | None
) -> None:
    accepted = negotiation.negotiate(accept)
    assert accepted.stream(is_subscription=True) == subscription
    assert accepted.stream(is_subscription=False) == query


# ================================================================ the official client


def test_apollos_client_hears_of_everything_after_its_last_sequence(api: Api) -> None:
    token = api.sign_in(ALPHA)
    first, last = api.add_balance(token), api.add_balance(token)
    lines = judge(
        "apollo.mjs", api, URL=f"{api.url}/graphql", TOKEN=token, AFTER=str(first - 1), COUNT="2"
    )
    assert "multipart/mixed" in lines[0]["accept"]
    heard = [line["event"] for line in lines if "event" in line]
    assert [event["sequence"] for event in heard] == [first, last]
    assert heard[0]["transaction"]["kind"] == "TOP_UP"
