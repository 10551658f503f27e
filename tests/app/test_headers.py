"""The security headers of every response, and which responses must not be cached."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from dev import channels
from tests.app.conftest import ALPHA, LOGIN, PASSWORD, Api
from tests.app.test_addresses import pusher_settings

BROWSER = {"accept": "text/html"}
JSON = {"content-type": "application/json"}


@pytest.fixture
def whole(
    api: Api,
    start_api: Callable[..., Api],
    start_channels: Callable[[], channels.Channels],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Api:
    """An API with everything that it can serve."""
    playground = tmp_path / "playground"
    playground.mkdir()
    (playground / "index.html").write_text("the playground")
    monkeypatch.setattr("app.http.pages.PLAYGROUND", playground)
    return start_api(
        database_url=api.settings.database_url,
        mails=tmp_path,
        allowed_origins=("https://friend.example",),
        **pusher_settings(start_channels().environment),
    )


def _answers(api: Api) -> dict[str, httpx.Response]:
    """One of every kind."""
    client = api.client
    preflight = {"origin": "https://friend.example", "access-control-request-method": "POST"}
    return {
        "client": client.get("/"),
        "page of the client": client.get("/settings/password"),
        "asset": client.get("/assets/pages.css"),
        "playground": client.get("/graphql", headers=BROWSER),
        "mailbox": client.get("/dev/mail"),
        "mails": client.get("/dev/mail.json"),
        "schema": client.get("/schema.graphql"),
        "health": client.get("/healthz"),
        "readiness": client.get("/readyz"),
        "metrics": client.get("/metrics"),
        "page that is not there": client.get("/nothing", headers=BROWSER),
        "address that is not there": client.get("/nothing"),
        "redirect": client.get("/graphql/"),
        "preflight": client.options("/graphql", headers=preflight),
        "foreign preflight": client.options("/graphql", headers={**preflight, "origin": "null"}),
        "wrong method": client.put("/graphql"),
        "wrong method elsewhere": client.delete("/healthz"),
        "wrong host": client.get("/", headers={"host": "evil.example"}),
        "no JSON": client.post("/graphql", content=b"{", headers=JSON),
        "too large": client.post("/graphql", content=b"a" * 70_000, headers=JSON),
        "answer": api.post("{ __typename }"),
        "stream": api.post("{ __typename }", accept="text/event-stream"),
        "channel": client.post("/pusher/auth", data={"socket_id": "1.1", "channel_name": "a"}),
    }


def test_every_answer_is_protected(whole: Api) -> None:
    for kind, answer in _answers(whole).items():
        headers = answer.headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy, kind
        assert "frame-ancestors 'none'" in policy, kind
        assert "base-uri 'none'" in policy, kind
        assert "script-src 'self'" in policy, kind
        assert "script-src 'self' " not in policy, kind
        connect = policy.partition("connect-src ")[2].partition(";")[0].split()
        assert not {"ws:", "wss:", "*", "http:", "https:"} & set(connect), kind
        assert headers["x-content-type-options"] == "nosniff", kind
        assert headers["x-frame-options"] == "DENY", kind
        assert headers["referrer-policy"] == "no-referrer", kind
        assert "camera=()" in headers["permissions-policy"], kind
        assert headers["cross-origin-opener-policy"] == "same-origin", kind
        assert "server" not in headers, kind


def test_no_cache_keeps_what_is_personal(whole: Api) -> None:
    answers = _answers(whole)
    credentials = {"email": ALPHA, "password": PASSWORD, "useCookie": True}
    signed_in = whole.post(LOGIN, {"input": credentials})
    assert "set-cookie" in signed_in.headers
    personal = [
        *("mailbox", "mails", "readiness", "metrics", "answer", "stream", "channel", "no JSON"),
    ]
    for answer in (signed_in, *(answers[kind] for kind in personal)):
        assert answer.headers["cache-control"] == "no-store", answer.url


def test_over_https_browsers_are_told_to_stay_there(start_api: Callable[..., Api]) -> None:
    api = start_api(app_url="https://wallet.example.org")
    for path in ("/", "/healthz", "/nothing"):
        assert "max-age=" in api.client.get(path).headers["strict-transport-security"]
