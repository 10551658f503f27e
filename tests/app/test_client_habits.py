"""Common variations of requests: each works as intended, or is refused with a clear reason."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Callable

import httpx
import pytest

from tests.app.conftest import ALPHA, LOGIN, PASSWORD, Api, code_of
from tests.app.test_edge import read_all
from tests.graphql_server.test_websocket import begin, close_code, opened

BODY = b'{"query": "{ __typename }"}'
JSON = {"content-type": "application/json"}
BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


# ================================================================ addresses


@pytest.mark.parametrize(
    ("method", "path", "leads_to"),
    [
        ("POST", "/graphql/", "/graphql"),
        ("GET", "/graphql/?query=%7B__typename%7D", "/graphql?query=%7B__typename%7D"),
        ("HEAD", "/graphql/", "/graphql"),
        ("POST", "/pusher/auth/", "/pusher/auth"),
        ("GET", "/schema.graphql/", "/schema.graphql"),
        ("GET", "/readyz/", "/readyz"),
    ],
)
def test_a_slash_after_an_address_leads_to_the_address(
    api: Api, method: str, path: str, leads_to: str
) -> None:
    headers = {**JSON, "host": f"localhost:{api.port}"}
    answer = api.client.request(method, path, headers=headers)
    assert answer.status_code == 308
    assert answer.headers["location"] == leads_to


def test_a_client_that_follows_is_answered(api: Api) -> None:
    answer = api.client.post("/graphql/", content=BODY, headers=JSON, follow_redirects=True)
    assert answer.json() == {"data": {"__typename": "Query"}}
    assert api.client.get("/graphql//").status_code == 404
    with opened(api, after="/") as socket:
        begin(socket)


# ================================================================ HEAD


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/", {}),
        ("/graphql?query={__typename}", {}),
        ("/graphql", {}),
        ("/graphql", BROWSER),
        ("/graphql?query={viewer{id}}", {"authorization": "Bearer forged"}),
        ("/graphql?query=mutation{logout(input:{}){__typename}}", {}),
        ("/schema.graphql", {}),
        ("/healthz", {}),
        ("/readyz", {}),
        ("/dev/mail", {}),
        ("/assets/pages.css", {}),
        ("/nothing", BROWSER),
        ("/nothing", {}),
    ],
)
def test_head_is_answered_as_get_is_without_the_body(
    api: Api, path: str, headers: dict[str, str]
) -> None:
    got = api.client.get(path, headers=headers)
    head = api.client.head(path, headers=headers)
    assert head.status_code == got.status_code
    assert head.content == b""
    for name in ("content-length", "content-type", "cache-control", "allow"):
        assert head.headers.get(name) == got.headers.get(name), name


def test_head_of_metrics_and_of_a_stream_is_answered(api: Api) -> None:
    assert api.client.head("/metrics").status_code == 200
    stream = api.client.head(
        "/graphql?query=subscription{walletEvents{sequence}}",
        headers={"accept": "text/event-stream"},
    )
    assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"


def test_head_is_refused_where_get_is(api: Api, start_api: Callable[..., Api]) -> None:
    assert api.client.head("/pusher/auth").status_code == 405
    hardened = start_api(graphql_profile="hardened")
    assert hardened.client.head("/graphql?query={__typename}").status_code == 405


# ================================================================ bodies


@pytest.mark.parametrize("coding", ["gzip", "br", "gzip, deflate", "x-unheard-of"])
@pytest.mark.parametrize("path", ["/graphql", "/pusher/auth"])
def test_a_compressed_body_is_refused_naming_its_coding(api: Api, path: str, coding: str) -> None:
    pusher_is_off = path == "/pusher/auth"
    answer = api.client.post(
        path, content=gzip.compress(BODY), headers={**JSON, "content-encoding": coding}
    )
    if pusher_is_off:
        assert answer.status_code == 404
        return
    assert answer.status_code == 415
    assert f"`{coding}`" in answer.json()["errors"][0]["message"]
    assert answer.headers["accept-encoding"] == "identity"


def test_a_large_compressed_body_is_refused_too_and_identity_is_none(api: Api) -> None:
    headers = {**JSON, "content-encoding": "gzip"}
    assert api.client.post("/graphql", content=b"a" * 3_000_000, headers=headers).status_code == 415
    for coding in ("identity", "Identity"):
        headers = {**JSON, "content-encoding": coding}
        assert api.client.post("/graphql", content=BODY, headers=headers).status_code == 200


def test_a_byte_order_mark_before_the_json_is_passed_over(api: Api) -> None:
    answer = api.client.post("/graphql", content=b"\xef\xbb\xbf" + BODY, headers=JSON)
    assert answer.json() == {"data": {"__typename": "Query"}}
    twice = api.client.post("/graphql", content=b"\xef\xbb\xbf" * 2 + BODY, headers=JSON)
    assert twice.status_code == 400
    wide = api.client.post("/graphql", content=BODY.decode().encode("utf-16"), headers=JSON)
    assert wide.status_code == 400
    with opened(api) as socket:
        socket.send('\ufeff{"type": "connection_init"}')
        assert '"connection_ack"' in str(socket.recv(timeout=10))


# ================================================================ Authorization


LOST = ["Bearer", "bearer", "", "Basic YTpi", "token", "Bearer a, Bearer b"]


@pytest.mark.parametrize("authorization", LOST)
@pytest.mark.parametrize(
    "query",
    [
        "{ viewer { id } }",
        "{ wallet { currency } }",
        "{ __typename }",
        "{ __schema { description } }",
    ],
)
def test_a_header_without_a_token_is_not_an_anonymous_request(
    api: Api, authorization: str, query: str
) -> None:
    answer = api.post(query, authorization=authorization)
    assert code_of(answer.json()) == "UNAUTHENTICATED"
    assert "data" not in answer.json()
    modern = {"accept": "application/graphql-response+json"}
    answer = api.post(query, authorization=authorization, **modern)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("authorization", [*LOST, "Bearer null", "Bearer undefined"])
def test_signing_in_needs_no_token_whatever_the_header_says(api: Api, authorization: str) -> None:
    variables = {"input": {"email": ALPHA, "password": PASSWORD}}
    answer = api.post(LOGIN, variables, authorization=authorization)
    assert answer.json()["data"]["login"]["__typename"] == "SignedIn"


def test_two_tokens_are_none(api: Api) -> None:
    token = api.sign_in()
    headers = [("authorization", f"Bearer {token}"), ("content-type", "application/json")]
    body = b'{"query": "{ viewer { id } }"}'
    one = api.client.post("/graphql", content=body, headers=headers)
    assert one.json()["data"]["viewer"]["id"]
    two = api.client.post("/graphql", content=body, headers=[*headers, headers[0]])
    assert code_of(two.json()) == "UNAUTHENTICATED"
    with opened(api, additional_headers=[headers[0], headers[0]]) as client:
        client.send('{"type": "connection_init"}')
        assert close_code(client) == 4401


def test_an_empty_token_is_none_with_its_space_too(api: Api) -> None:
    with socket.create_connection((api.host, api.port), timeout=20) as connection:
        connection.sendall(
            b"GET /graphql?query={wallet{currency}} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            b"Authorization: Bearer \r\nConnection: close\r\n\r\n"
        )
        assert b'"UNAUTHENTICATED"' in read_all(connection)


# ================================================================ Upgrade


def test_a_request_that_offers_http2_is_answered_in_http1(api: Api) -> None:
    offer = {"connection": "Upgrade, HTTP2-Settings", "upgrade": "h2c", "http2-settings": "AA"}
    with httpx.Client(base_url=api.url, timeout=20) as client:
        for _ in range(3):
            answer = client.post("/graphql", content=BODY, headers={**JSON, **offer})
            assert answer.json() == {"data": {"__typename": "Query"}}
            answer = client.get("/graphql?query={__typename}", headers=offer)
            assert answer.json() == {"data": {"__typename": "Query"}}
        answer = client.post("/graphql", content=iter([BODY]), headers={**JSON, **offer})
        assert answer.json() == {"data": {"__typename": "Query"}}
