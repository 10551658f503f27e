"""Every address besides GraphQL, and the headers of every response."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.served_schema import print_sdl
from dev import channels, postgres, valkey
from domain import ids
from persistence.engine import addresses
from settings import Settings
from tests.app.conftest import ALPHA, BETA, LOGIN, PASSWORD, Api, add_people

NOBODY = SecretStr("redis://127.0.0.1:9/0")


# ================================================================ every answer


@pytest.mark.parametrize("path", ["/", "/graphql", "/healthz", "/nothing", "/assets/pages.css"])
def test_every_answer_carries_the_security_headers_and_its_request_id(api: Api, path: str) -> None:
    headers = api.client.get(path).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert "permissions-policy" in headers
    assert "strict-transport-security" not in headers
    assert "server" not in headers
    assert re.fullmatch(r"[0-9a-f]{32}", headers["x-request-id"])


@pytest.mark.parametrize(
    ("given", "is_taken"),
    [("order-7:a.b_c", True), ("a" * 65, False), ("a b", False), ("-a", False)],
)
def test_a_sane_request_id_is_taken_over(api: Api, given: str, is_taken: bool) -> None:
    answered = api.client.get("/healthz", headers={"x-request-id": given}).headers["x-request-id"]
    assert (answered == given) is is_taken


@pytest.mark.parametrize(
    ("origin", "is_allowed"),
    [
        ("http://127.0.0.1:8000", True),
        ("https://friend.example", True),
        ("https://evil.example", False),
        ("null", False),
    ],
)
def test_only_pages_of_allowed_origins_may_read_answers(
    start_api: Callable[..., Api], origin: str, is_allowed: bool
) -> None:
    api = start_api(allowed_origins=("https://friend.example",))
    preflight = api.client.options(
        "/graphql",
        headers={
            "origin": origin,
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization,content-type",
        },
    )
    answer = api.post("{ __typename }", origin=origin)
    assert "Origin" in answer.headers["vary"]
    if not is_allowed:
        assert preflight.status_code == 403
        assert "access-control-allow-origin" not in preflight.headers
        assert "access-control-allow-origin" not in answer.headers
        return
    assert preflight.status_code == 204
    for headers in (preflight.headers, answer.headers):
        assert headers["access-control-allow-origin"] == origin
        assert headers["access-control-allow-credentials"] == "true"
    assert "POST" in preflight.headers["access-control-allow-methods"]
    for name in ("authorization", "content-type"):
        assert name in preflight.headers["access-control-allow-headers"]


# ================================================================ where clients are


SESSIONS = "{ viewer { sessions { ipAddress isCurrent } } }"


@pytest.mark.parametrize(
    ("proxies", "forwarded", "seen"),
    [
        ((), "203.0.113.7", "127.0.0.1"),
        (("10.0.0.0/8",), "203.0.113.7", "127.0.0.1"),
        (("127.0.0.1",), "203.0.113.7", "203.0.113.7"),
        (("127.0.0.1",), "1.2.3.4, 203.0.113.7", "203.0.113.7"),
        (("127.0.0.1", "10.0.0.0/8"), "1.2.3.4, 203.0.113.7, 10.1.2.3", "203.0.113.7"),
        (("127.0.0.1", "10.0.0.0/8"), "10.1.2.3", "10.1.2.3"),
        (("127.0.0.1",), "203.0.113.7, nonsense", "127.0.0.1"),
        (("127.0.0.1",), "203.0.113.7:4711", "203.0.113.7"),
        (("127.0.0.1",), "[2001:db8::7]:4711", "2001:db8::7"),
        (("127.0.0.1",), "::ffff:203.0.113.7", "203.0.113.7"),
    ],
)
def test_the_clients_address_comes_from_trusted_proxies_alone(
    api: Api, start_api: Callable[..., Api], proxies: tuple[str, ...], forwarded: str, seen: str
) -> None:
    behind = start_api(database_url=api.settings.database_url, trusted_proxies=proxies)
    signing_in = behind.post(
        LOGIN, {"input": {"email": ALPHA, "password": PASSWORD}}, x_forwarded_for=forwarded
    ).json()["data"]["login"]
    token = signing_in["credentials"]["accessToken"]
    sessions = behind.data(SESSIONS, token=token)["viewer"]["sessions"]
    assert [session["ipAddress"] for session in sessions if session["isCurrent"]] == [seen]


# ================================================================ health and metrics


def test_ready_names_the_database_redis_and_the_migrations(api: Api) -> None:
    answer = api.client.get("/readyz")
    assert answer.status_code == 200
    server = addresses.parse(api.settings.database_url.get_secret_value()).servers[0]
    states = {"status": "ready", "database": "ok", "redis": "ok", "migrations": "ok"}
    assert answer.json() == {**states, "server": str(server), "role": "primary"}
    elsewhere = api.client.get("/readyz", headers={"x-forwarded-for": "203.0.113.7"})
    assert elsewhere.json() == states
    assert api.client.get("/healthz").json() == {"status": "ok"}


def test_it_is_not_ready_while_a_service_is_away_and_ready_again_after(
    start_api: Callable[..., Api],
    start_postgres: Callable[..., postgres.Postgres],
    start_valkey: Callable[[], valkey.Valkey],
) -> None:
    memory = start_valkey()
    api = start_api(redis_url=SecretStr(memory.url))
    memory.kill()
    answer = api.client.get("/readyz")
    assert (answer.status_code, answer.json()["redis"]) == (503, "unreachable")
    assert answer.json()["database"] == "ok"
    memory.start()
    assert api.client.get("/readyz").status_code == 200

    nowhere = start_api(database_url=SecretStr("postgresql://nobody@127.0.0.1:9/nothing"))
    answer = nowhere.client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["database"] == "unreachable"
    assert answer.json()["migrations"] == "unknown"
    assert nowhere.client.get("/healthz").status_code == 200


def test_a_database_without_tables_is_not_ready(
    empty_database_url: str, start_api: Callable[..., Api]
) -> None:
    api = start_api(database_url=SecretStr(empty_database_url))
    answer = api.client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["migrations"].startswith("behind")


def test_metrics_count_operations_transfers_and_queues(api: Api) -> None:
    token = api.sign_in()
    api.add_balance(token)
    api.post("mutation { logout(input: {}) { __typename } }")
    text = api.client.get("/metrics").text
    assert re.search(r'wallet_operations_total\{operation="addBalance",outcome="ok"\} [1-9]', text)
    assert 'wallet_operations_total{operation="logout",outcome="UNAUTHENTICATED"}' in text
    assert "wallet_transfers_total{outcome=" in text
    assert 'wallet_request_seconds_count{route="/graphql",status="200"}' in text
    assert 'wallet_service_up{service="database"} 1.0' in text
    assert 'wallet_service_up{service="redis"} 1.0' in text
    for name in (
        "wallet_outbox_rows",
        "wallet_relay_lag_seconds",
        "wallet_sink_lag_seconds",
        "wallet_sockets",
        "wallet_subscriptions",
        "wallet_mails",
        "wallet_scheduled_transfers_lag_seconds",
        'wallet_jobs{queue="mail",state="queued"}',
    ):
        assert name in text


def test_metrics_are_for_this_machine_or_for_who_has_the_token(
    start_api: Callable[..., Api],
) -> None:
    api = start_api(metrics_token=SecretStr("the token of the metrics"), redis_url=NOBODY)
    assert api.client.get("/metrics").status_code == 200
    proxied = {"x-forwarded-for": "203.0.113.7"}
    assert api.client.get("/metrics", headers=proxied).status_code == 403
    right = {**proxied, "authorization": "Bearer the token of the metrics"}
    assert api.client.get("/metrics", headers=right).status_code == 200
    wrong = {"authorization": "Bearer another"}
    assert api.client.get("/metrics", headers=wrong).status_code == 403
    assert 'wallet_service_up{service="redis"} 0.0' in api.client.get("/metrics").text


# ================================================================ Pusher


def test_pusher_auth_signs_the_channel_of_the_bearers_credential_and_no_other(
    api: Api,
    start_api: Callable[..., Api],
    start_channels: Callable[[], channels.Channels],
) -> None:
    server = start_channels()
    pushing = start_api(
        database_url=api.settings.database_url, **pusher_settings(server.environment)
    )
    token = pushing.sign_in()
    bearer = {"authorization": f"Bearer {token}"}
    asking = "{ wallet { pusher { channel } } }"
    channel = pushing.data(asking, token=token)["wallet"]["pusher"]["channel"]
    asked = {"socket_id": "123.456", "channel_name": channel}
    for way in ("data", "json"):
        answer = pushing.client.post("/pusher/auth", headers=bearer, **{way: asked})  # type: ignore[arg-type]
        assert answer.status_code == 200
        key, _, signature = answer.json()["auth"].partition(":")
        assert key == server.environment["PUSHER_KEY"]
        secret = server.environment["PUSHER_SECRET"].encode()
        signed = hmac.new(secret, f"123.456:{channel}".encode(), hashlib.sha256)
        assert signature == signed.hexdigest()

    def status(headers: dict[str, str] = bearer, **changed: str) -> int:
        return pushing.client.post(
            "/pusher/auth", headers=headers, data={**asked, **changed}
        ).status_code

    assert status(channel_name=f"private-wallet-{ids.new_id()}") == 403
    # Neither another user's nor another session of the same one.
    for other in (pushing.sign_in(BETA), pushing.sign_in()):
        theirs = pushing.data(asking, token=other)["wallet"]["pusher"]["channel"]
        assert status(channel_name=theirs) == 403
        assert status({"authorization": f"Bearer {other}"}) == 403
    assert status(channel_name="presence-everybody") == 403
    assert status({}) == 403
    assert status({"authorization": "Bearer forged"}) == 403
    assert status(socket_id="nonsense") == 400
    assert pushing.client.post("/pusher/auth", headers=bearer).status_code == 400
    big = pushing.client.post("/pusher/auth", headers=bearer, content=b"a" * 100_000)
    assert big.status_code == 413
    assert pushing.client.get("/pusher/auth").status_code == 405


def pusher_settings(environment: dict[str, str]) -> dict[str, object]:
    return {
        "pusher_app_id": environment["PUSHER_APP_ID"],
        "pusher_key": environment["PUSHER_KEY"],
        "pusher_secret": SecretStr(environment["PUSHER_SECRET"]),
        "pusher_host": environment["PUSHER_HOST"],
        "pusher_port": int(environment["PUSHER_PORT"]),
        "pusher_use_tls": False,
    }


def test_without_pusher_there_is_nothing_to_sign(api: Api) -> None:
    assert api.client.post("/pusher/auth", data={"socket_id": "1.1"}).status_code == 404


# ================================================================ pages


def test_the_schema_is_served_as_it_is_printed(api: Api) -> None:
    answer = api.client.get("/schema.graphql")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text == print_sdl()


def test_the_hardened_profile_serves_no_schema(start_api: Callable[..., Api]) -> None:
    answer = start_api(graphql_profile="hardened").client.get("/schema.graphql")
    assert answer.status_code == 404
    assert "type Query" not in answer.text


@pytest.fixture
def without_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the web client is not built."""
    monkeypatch.setattr("app.http.client.DIST", tmp_path)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/", "Open the playground"),
        ("/verify-email#token=abc", "Verify email address"),
        ("/reset-password#token=abc", "New password"),
    ],
)
def test_without_the_client_pages_of_our_own_stand_in_and_need_no_other_host(
    api: Api, without_client: None, path: str, says: str
) -> None:
    answer = api.client.get(path)
    assert answer.status_code == 200
    assert says in answer.text
    assert "abc" not in answer.text
    for address in re.findall(r'(?:src|href)="([^"]+)"', answer.text):
        assert address.startswith("/")
        if address != "/graphql":
            assert api.client.get(address).status_code == 200


def test_where_up_builds_the_pages_the_browser_asks_again_until_they_are_there(
    api: Api, start_api: Callable[..., Api], without_client: None, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("app.http.pages.PLAYGROUND", tmp_path)
    of_up = start_api(mails=tmp_path)
    for path in ("/", "/graphql"):
        for one, is_retried in ((of_up, True), (api, False)):
            answer = one.client.get(path, headers={"accept": "text/html"})
            assert ("refresh" in answer.headers) is is_retried
            assert ("built yet" in answer.text) is is_retried


def test_an_unknown_address_is_a_page_for_browsers_and_json_for_programs(
    api: Api, without_client: None
) -> None:
    page = api.client.get("/nothing", headers={"accept": "text/html"})
    assert page.status_code == 404
    assert "Page not found" in page.text
    answer = api.client.get("/nothing")
    assert answer.status_code == 404
    assert answer.json()["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    for path in ("/assets/../../settings.py", "/assets/%2e%2e/%2e%2e/asgi.py", "/assets"):
        assert api.client.get(path).status_code == 404


def test_mail_is_shown_only_where_it_is_caught(
    api: Api, start_api: Callable[..., Api], tmp_path: Path
) -> None:
    assert api.client.get("/dev/mail").status_code == 404
    assert api.client.get("/dev/mail.json").status_code == 404
    mail = "To: a@demo.app\r\nSubject: Hello\r\n\r\nSee http://127.0.0.1/verify-email#token=a\r\n"
    (tmp_path / "1.eml").write_bytes(mail.encode())
    catching = start_api(mails=tmp_path)
    assert catching.client.get("/dev/mail").status_code == 200
    (shown,) = catching.client.get("/dev/mail.json").json()
    assert (shown["to"], shown["subject"]) == ("a@demo.app", "Hello")
    assert shown["links"] == ["http://127.0.0.1/verify-email#token=a"]


def test_the_playground_is_for_browsers_and_has_a_policy_of_its_own(
    start_api: Callable[..., Api], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.http.pages.PLAYGROUND", tmp_path)
    api = start_api(mails=tmp_path)
    browser = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
    assert api.client.get("/graphql", headers=browser).status_code == 404
    (tmp_path / "index.html").write_text('<meta name="wallet-demo" content="__WALLET_DEMO__">')
    page = api.client.get("/graphql", headers=browser)
    assert page.status_code == 200
    assert page.text == '<meta name="wallet-demo" content="true">'
    policy = page.headers["content-security-policy"]
    assert "worker-src 'self'" in policy
    # No other service than this one, over WebSocket either.
    assert "connect-src 'self' ws://127.0.0.1:8000;" in policy
    answer = api.client.get("/graphql", params={"query": "{ __typename }"}, headers=browser)
    assert answer.json() == {"data": {"__typename": "Query"}}


# ================================================================ limits


def test_each_alias_counts_against_the_rate_limit(
    settings: Settings, start_api: Callable[..., Api]
) -> None:
    api = start_api(rate_limit_factor=0.1)
    attempts = " ".join(
        f'a{n}: login(input: {{email: "user.alpha@demo.app", password: "wrong"}}) {{ __typename }}'
        for n in range(5)
    )
    answer = api.post("mutation {" + attempts + "}").json()
    codes = [error["extensions"] for error in answer["errors"]]
    assert all(code["code"] == "RATE_LIMITED" for code in codes)
    assert all(code["retryAfterSeconds"] >= 1 for code in codes)


def test_without_redis_the_api_works_and_still_limits(
    settings: Settings, start_api: Callable[..., Api]
) -> None:
    asyncio.run(add_people(settings))
    api = start_api(redis_url=NOBODY, rate_limit_factor=0.05)
    login = {"input": {"email": ALPHA, "password": PASSWORD}}
    assert api.post(LOGIN, login).json()["data"]["login"]["__typename"] == "SignedIn"
    answers = [api.post(LOGIN, login).json() for _ in range(4)]
    assert any(
        error["extensions"]["code"] == "RATE_LIMITED"
        for answer in answers
        for error in answer.get("errors", [])
    )
