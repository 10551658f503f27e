"""The server serves a schema unrelated to the wallet, over each transport and within its limits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from graphql_server.errors import Credential
from tests.graphql_server import toy
from tests.graphql_server.test_websocket import close_code

TICKS = "subscription ($until: Int! = 3) { ticks(until: $until) { sequence } }"
OPEN_TICKS = "subscription { ticks { sequence } }"


@pytest.fixture
def served() -> Iterator[toy.Toy]:
    with toy.serving(toy.Service()) as found:
        yield found


def post(served: toy.Toy, query: str, **headers: str) -> httpx.Response:
    return httpx.post(
        f"{served.url}/graphql", json={"query": query}, headers=headers, timeout=20, verify=False
    )


def code_of(answer: Any) -> str:
    code: str = answer["errors"][0]["extensions"]["code"]
    return code


@contextmanager
def opened(served: toy.Toy, **options: Any) -> Iterator[ClientConnection]:
    url = f"{served.url.replace('http', 'ws')}/graphql"
    with connect(url, subprotocols=["graphql-transport-ws"], **options) as socket:
        yield socket


@contextmanager
def begin(served: toy.Toy) -> Iterator[ClientConnection]:
    with opened(served) as socket:
        payload = {"Authorization": "Bearer alice"}
        socket.send(json.dumps({"type": "connection_init", "payload": payload}))
        yield socket


def subscribe(socket: ClientConnection, query: str) -> None:
    socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": {"query": query}}))


def hear(socket: ClientConnection) -> Any:
    return json.loads(socket.recv(timeout=20))


# ================================================================ HTTP


def test_queries_know_their_caller(served: toy.Toy) -> None:
    assert post(served, "{ me }").json() == {"data": {"me": None}}
    assert post(served, "{ me }", authorization="Bearer alice").json() == {"data": {"me": "alice"}}


def test_mutations_set_the_headers_of_the_service(served: toy.Toy) -> None:
    answer = post(served, "mutation { enter }")
    assert answer.json() == {"data": {"enter": "entered"}}
    assert answer.headers["set-cookie"] == "toy=entered"


def test_what_needs_no_caller_works_with_a_bad_token(served: toy.Toy) -> None:
    answer = post(served, "mutation { enter }", authorization="Bearer old")
    assert answer.json() == {"data": {"enter": "entered"}}
    refused = post(served, "mutation { count }", authorization="Bearer old")
    assert code_of(refused.json()) == "UNAUTHENTICATED"


def test_an_operation_that_checks_the_credential_is_not_checked_before(served: toy.Toy) -> None:
    post(served, "mutation { count }", authorization="Bearer alice")
    post(served, "{ me }", authorization="Bearer alice")
    assert served.service.asked_active == [False, True]


def test_refusals_of_the_service_are_shown_and_faults_are_masked(served: toy.Toy) -> None:
    (refused,) = post(served, "{ refused }").json()["errors"]
    assert refused["message"] == "FORBIDDEN!"
    assert refused["extensions"] == {"code": "FORBIDDEN", "kind": "toy"}
    fault = post(served, "{ fault }")
    assert code_of(fault.json()) == "INTERNAL"
    assert "secret" not in fault.text


def test_cookies_that_the_service_refuses_are_a_bad_request(served: toy.Toy) -> None:
    refused = post(served, "{ me }", cookie="two")
    assert refused.status_code == 400
    assert refused.headers["set-cookie"] == "toy="


# ================================================================ limits


def test_costs_and_page_sizes_are_those_of_the_table(served: toy.Toy) -> None:
    # 35 fields, each of 7 and a page of 50, the largest.
    many = " ".join(f"a{n}: numbers(first: 1000) {{ x }}" for n in range(35))
    assert "errors" not in post(served, "{" + many + "}").json()
    more = " ".join(f"a{n}: numbers(first: 1000) {{ x }}" for n in range(36))
    refused = post(served, "{" + more + "}").json()
    assert code_of(refused) == "QUERY_TOO_EXPENSIVE"
    assert refused["errors"][0]["message"].startswith("This operation costs 2052,")


def test_refused_documents_are_counted_and_introspection_is_limited(served: toy.Toy) -> None:
    assert code_of(post(served, "{ nothing }").json()) == "GRAPHQL_VALIDATION_FAILED"
    assert served.service.refusals == ["127.0.0.1"]
    answer = post(served, "{ __schema { queryType { name } } }")
    assert code_of(answer.json()) == "RATE_LIMITED"


def test_a_client_that_was_refused_too_often_waits() -> None:
    with toy.serving(toy.Service(refused_seconds=7)) as served:
        answer = post(served, "{ me }", accept="application/graphql-response+json")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")


# ================================================================ streams


def test_subscriptions_are_answered_as_server_sent_events(served: toy.Toy) -> None:
    answer = post(served, TICKS, accept="text/event-stream")
    assert [line for line in answer.text.splitlines() if line.startswith("id:")] == [
        "id: 1",
        "id: 2",
        "id: 3",
    ]
    resumed = post(served, TICKS, accept="text/event-stream", **{"last-event-id": "2"})
    assert [line for line in resumed.text.splitlines() if line.startswith("id:")] == ["id: 3"]


def test_subscriptions_are_answered_as_parts(served: toy.Toy) -> None:
    answer = post(served, TICKS, accept="multipart/mixed;subscriptionSpec=1.0")
    assert answer.text.count('"ticks"') == 3
    assert answer.text.endswith("--graphql--\r\n")


def test_a_stream_ends_with_its_credential(served: toy.Toy) -> None:
    accept = {"accept": "text/event-stream", "authorization": "Bearer alice"}
    with httpx.stream(
        "POST",
        f"{served.url}/graphql",
        json={"query": OPEN_TICKS},
        headers=accept,
        timeout=20,
        verify=False,
    ) as answer:
        lines = answer.iter_lines()
        while next(lines) != "id: 3":
            pass
        served.service.end_credentials(Credential.INVALID)
        assert any("UNAUTHENTICATED" in line for line in lines)


# ================================================================ WebSockets


def test_operations_are_answered_over_a_websocket(served: toy.Toy) -> None:
    with begin(served) as socket:
        assert hear(socket) == {"type": "connection_ack"}
        subscribe(socket, "{ me }")
        assert hear(socket)["payload"] == {"data": {"me": "alice"}}
        assert hear(socket) == {"type": "complete", "id": "1"}
        subscribe(socket, TICKS)
        sequences = [hear(socket)["payload"]["data"]["ticks"]["sequence"] for _ in range(3)]
        assert sequences == [1, 2, 3]
        assert hear(socket) == {"type": "complete", "id": "1"}


@pytest.mark.parametrize(
    ("credential", "code"), [(Credential.EXPIRED, 4403), (Credential.INVALID, 4401)]
)
def test_a_socket_closes_with_its_credential(
    served: toy.Toy, credential: Credential, code: int
) -> None:
    with begin(served) as socket:
        hear(socket)
        served.service.end_credentials(credential)
        assert close_code(socket) == code


def test_an_account_has_so_many_sockets_as_its_quota_allows(served: toy.Toy) -> None:
    with begin(served) as one, begin(served) as two:
        assert hear(one) == hear(two) == {"type": "connection_ack"}
        with begin(served) as three:
            assert close_code(three) == 1013


def test_pages_of_foreign_origins_open_no_sockets(served: toy.Toy) -> None:
    with pytest.raises(InvalidStatus), opened(served, origin="https://evil.example"):
        pass
    with opened(served, origin="https://toy.example"):
        pass
