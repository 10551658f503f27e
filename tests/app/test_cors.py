"""Cross-origin access: allowed for the pages and apps of configured origins, refused for others."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from settings import Settings
from tests.app.conftest import Api
from tests.graphql_server.test_websocket import begin, opened

FRIENDS = (
    "https://friend.example",
    "http://localhost:3000",
    "capacitor://localhost",
    "ionic://localhost",
    "tauri://localhost",
    "app://wallet.example:7",
)
ADDRESSES = {
    "/graphql": "POST",
    "/pusher/auth": "POST",
    "/schema.graphql": "GET",
    "/healthz": "GET",
    "/readyz": "GET",
    "/metrics": "GET",
    "/dev/mail.json": "GET",
}


@pytest.fixture
def friendly(api: Api, start_api: Callable[..., Api]) -> Api:
    return start_api(database_url=api.settings.database_url, allowed_origins=FRIENDS)


def ask(api: Api, path: str, origin: str, method: str = "POST", wanted: str = "") -> httpx.Response:
    headers = {"origin": origin, "access-control-request-method": method}
    if wanted:
        headers["access-control-request-headers"] = wanted
    return api.client.options(path, headers=headers)


@pytest.mark.parametrize("path", ADDRESSES)
def test_every_address_of_the_api_is_open_to_allowed_origins(friendly: Api, path: str) -> None:
    method = ADDRESSES[path]
    wanted = "authorization,content-type,traceparent,x-apollo-operation-name"
    for origin in FRIENDS:
        preflight = ask(friendly, path, origin, method, wanted)
        assert preflight.status_code == 204
        assert method in preflight.headers["access-control-allow-methods"]
        assert preflight.headers["access-control-allow-headers"] == wanted
        answer = friendly.client.request(method, path, headers={"origin": origin})
        for headers in (preflight.headers, answer.headers):
            assert headers["access-control-allow-origin"] == origin
            assert headers["access-control-allow-credentials"] == "true"
            assert headers["cross-origin-resource-policy"] == "cross-origin"
            assert "Origin" in headers["vary"]
        assert "retry-after" in answer.headers["access-control-expose-headers"]
        assert "x-request-id" in answer.headers["access-control-expose-headers"]


STRANGERS = (
    "https://evil.example",
    "http://friend.example",
    "https://friend.example:8443",
    "https://friend.example.evil.example",
    "http://localhost:3001",
    "capacitor://evil",
    "capacitor://localhost:3000",
    "null",
    "nonsense",
    "",
)


@pytest.mark.parametrize("path", ADDRESSES)
def test_no_address_is_open_to_other_origins(friendly: Api, path: str) -> None:
    for origin in STRANGERS:
        assert ask(friendly, path, origin, ADDRESSES[path]).status_code == 403
        answer = friendly.client.request(ADDRESSES[path], path, headers={"origin": origin})
        assert "access-control-allow-origin" not in answer.headers
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"


def test_pages_and_their_files_are_not_part_of_it(friendly: Api) -> None:
    for path in ("/", "/settings", "/dev/mail", "/assets/pages.css", "/nothing"):
        answer = friendly.client.get(path, headers={"origin": FRIENDS[0]})
        assert "access-control-allow-origin" not in answer.headers


def test_what_is_no_header_is_not_allowed(friendly: Api) -> None:
    for wanted in ("a b", "a,,b", "a:b", "a;b"):
        preflight = ask(friendly, "/graphql", FRIENDS[0], wanted=wanted)
        assert "access-control-allow-headers" not in preflight.headers


def test_refusals_can_be_read_too(friendly: Api) -> None:
    refused = friendly.post("{ viewer { id } }", token="forged", origin=FRIENDS[0])
    assert refused.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert refused.headers["access-control-allow-origin"] == FRIENDS[0]
    assert friendly.client.get("/pusher/auth", headers={"origin": FRIENDS[0]}).headers[
        "access-control-allow-origin"
    ]


def test_options_without_a_preflight_say_what_the_address_takes(api: Api) -> None:
    assert api.client.options("/graphql").headers["allow"] == "GET, HEAD, POST, OPTIONS"
    assert api.client.options("/pusher/auth").headers["allow"] == "POST, OPTIONS"
    assert api.client.options("/schema.graphql").headers["allow"] == "GET, HEAD, OPTIONS"


def test_an_app_with_a_scheme_of_its_own_may_open_a_socket(friendly: Api) -> None:
    with opened(friendly, origin="capacitor://localhost") as socket:
        begin(socket)


def test_the_hardened_profile_grants_post_alone(
    settings: Settings, start_api: Callable[..., Api]
) -> None:
    api = start_api(graphql_profile="hardened", allowed_origins=FRIENDS)
    preflight = ask(api, "/graphql", FRIENDS[0])
    assert preflight.headers["access-control-allow-methods"] == "POST"
