"""The built web client as served: its page, its files and its Content-Security-Policy."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.http import client
from settings import ROOT
from tests.app.conftest import Api
from tests.conftest import make_settings

PEOPLE = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PAGE = "<!doctype html><title>The client</title>"


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start_api: Callable[..., Api]) -> Api:
    """An API that serves a small client."""
    assets = tmp_path / "assets"
    assets.mkdir()
    (tmp_path / "index.html").write_text(PAGE)
    (assets / "index-aBcD1234.js").write_text("let plain;")
    (assets / "index-aBcD1234.js.gz").write_bytes(gzip.compress(b"let plain;"))
    (assets / "index-aBcD1234.js.br").write_bytes(b"as brotli has it")
    (assets / "theme.js").write_text("let theme;")
    (assets / "manifest.webmanifest").write_text("{}")
    (tmp_path / "service-worker.js").write_text("let worker;")
    manifest = {"src/main.ts": {"file": "assets/index-aBcD1234.js", "isEntry": True}}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    monkeypatch.setattr("app.http.client.DIST", tmp_path)
    return start_api()


def test_every_address_of_the_client_is_its_page_and_others_too_but_not_found(built: Api) -> None:
    for path in client.ROUTES:
        answer = built.client.get(re.sub(r"{\w+}", "some-id", path), headers=PEOPLE)
        assert (answer.status_code, answer.text) == (200, PAGE), path
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["cache-control"] == "no-cache"
    for path in ("/nothing", "/settings/nothing", "/activity/a/b", "/settings//"):
        answer = built.client.get(path, headers=PEOPLE)
        assert (answer.status_code, answer.text) == (404, PAGE), path
    answer = built.client.get("/nothing")
    assert answer.json()["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    assert built.client.post("/send").status_code == 405
    assert built.client.head("/").status_code == 200


def test_a_slash_after_an_address_leads_to_the_address(built: Api) -> None:
    for path in client.ROUTES[1:]:
        address = re.sub(r"{\w+}", "some%20id", path)
        answer = built.client.get(f"{address}/?next=%2Fsend&a=b", headers=PEOPLE)
        assert answer.status_code == 308, path
        assert answer.headers["location"] == f"{address}?next=%2Fsend&a=b"
        assert answer.headers["cache-control"] == "no-cache"
    assert built.client.head("/send/").headers["location"] == "/send"
    assert built.client.post("/send/").status_code == 404


def test_pages_at_a_loopback_address_lead_to_localhost_and_all_else_is_served_at_both(
    built: Api, start_api: Callable[..., Api]
) -> None:
    local = start_api(app_url="http://localhost:8000")
    for host in ("127.0.0.1", "127.0.0.1:8000", "[::1]:8000"):
        sent = {**PEOPLE, "host": host}
        port = ":8000" if host.endswith("8000") else ""
        for path in ("/", "/r/a%2Fb?next=%2Fsend", "/@anna", "/docs", "/graphql", "/a//nothing"):
            answer = local.client.get(path, headers=sent)
            assert answer.status_code == 307, (host, path)
            assert answer.headers["location"] == f"http://localhost{port}{path}"
            assert answer.headers["cache-control"] == "no-store"
        for path in (
            "/healthz",
            "/assets/theme.js",
            "/service-worker.js",
            "/graphql?query={__typename}",
        ):
            assert local.client.get(path, headers=sent).status_code == 200, (host, path)
        assert local.client.head("/send", headers=sent).status_code == 307
    for host in ("localhost:8000", "192.168.1.7:8000", "wallet.localhost"):
        assert local.client.get("/", headers={**PEOPLE, "host": host}).status_code == 200
    # Such a service is used by its address.
    assert built.client.get("/", headers={**PEOPLE, "host": "127.0.0.1:8000"}).status_code == 200


def test_the_addresses_are_those_of_the_clients_router() -> None:
    router = (ROOT / "client" / "src" / "router.ts").read_text()
    listed = {re.sub(r":(\w+)", r"{\1}", path) for path in re.findall(r"path: '(/[^(']*)'", router)}
    assert listed == set(client.ROUTES)


def test_files_are_sent_as_small_as_the_browser_takes_them(built: Api) -> None:
    path = "/assets/index-aBcD1234.js"
    for accepted, encoding in {
        "gzip, deflate, br": "br",
        "gzip": "gzip",
        "br;q=0, gzip": "gzip",
        "identity": None,
        "": None,
    }.items():
        with built.client.stream("GET", path, headers={"accept-encoding": accepted}) as answer:
            assert answer.headers.get("content-encoding") == encoding, accepted
            assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
            assert answer.headers["vary"] == "Accept-Encoding"
            size = sum(len(part) for part in answer.iter_raw())
            assert int(answer.headers["content-length"]) == size


def test_what_has_its_hash_in_its_name_is_kept_and_the_rest_asked_for_again(built: Api) -> None:
    kept = built.client.get("/assets/index-aBcD1234.js", headers={"accept-encoding": "gzip"})
    assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert kept.text == "let plain;"
    for path in ("/assets/theme.js", "/assets/manifest.webmanifest", "/assets/pages.css", "/"):
        answer = built.client.get(path)
        assert answer.headers["cache-control"] == "no-cache"
        known = {"if-none-match": f'"other", W/{answer.headers["etag"]}'}
        again = built.client.get(path, headers=known)
        assert (again.status_code, again.content) == (304, b"")
        policy = answer.headers["content-security-policy"]
        assert again.headers["content-security-policy"] == policy
    assert built.client.get("/assets/nothing.js").status_code == 404
    assert built.client.get("/assets/%2e%2e/manifest.json").status_code == 404


def test_the_service_worker_is_asked_for_again_and_may_only_fetch_what_is_ours(
    built: Api, tmp_path: Path
) -> None:
    answer = built.client.get("/service-worker.js")
    assert (answer.status_code, answer.text) == (200, "let worker;")
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["content-security-policy"] == "default-src 'none'; connect-src 'self'"
    policy = built.client.get("/").headers["content-security-policy"]
    assert {"worker-src 'self'", "manifest-src 'self'"} <= set(policy.split("; "))
    (tmp_path / "service-worker.js").unlink()
    assert built.client.get("/service-worker.js").status_code == 404


def test_the_policy_of_the_client_names_its_own_channels_only(built: Api) -> None:
    policy = built.client.get("/").headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "connect-src 'self' ws://127.0.0.1:8000;" in policy
    pusher = {
        "pusher_app_id": "1",
        "pusher_key": "key",
        "pusher_secret": SecretStr("secret"),
        "database_url": "postgresql://nobody@127.0.0.1/nothing",
        "redis_url": "redis://127.0.0.1/0",
    }
    hosted = make_settings(app_url="https://wallet.example", pusher_cluster="eu", **pusher)
    assert "'self' wss://wallet.example wss://ws-eu.pusher.com;" in client.policy(hosted)
    own = {"pusher_host": "127.0.0.1", "pusher_port": 6001, "pusher_use_tls": False}
    assert "ws://127.0.0.1:6001 wss://127.0.0.1:6001;" in client.policy(
        make_settings(**own, **pusher)
    )
