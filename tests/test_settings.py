"""Every missing or invalid variable is named in one sentence; every valid spelling is accepted."""

from __future__ import annotations

import pytest

import settings
from tests.conftest import make_settings

GOOD = {
    "DATABASE_URL": "postgresql://wallet:secret@127.0.0.1:5432/wallet",
    "REDIS_URL": "redis://127.0.0.1:6379/0",
    "JWT_SECRET": "x" * 32,
    "SMTP_URL": "smtp://127.0.0.1:25",
    "MAIL_FROM": "Mini Wallet <wallet@example.org>",
}
PUSHER = {"PUSHER_APP_ID": "1", "PUSHER_KEY": "key", "PUSHER_SECRET": "secret"}


@pytest.fixture(autouse=True)
def _only_what_a_test_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(settings.Settings.model_config, "env_file", None)
    for name in settings.Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)


def refusal() -> str:
    with pytest.raises(settings.SettingsError) as refused:
        settings.load()
    return str(refused.value)


@pytest.mark.parametrize("name", GOOD)
def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv(name)
    assert refusal() == f"{name} is not set: see .env.example for what it takes."


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("DATABASE_URL", url) for url in ("wallet", "mysql://a/b", "postgresql://h:port/b")],
        ("DATABASE_URL", "postgresql://"),
        *[
            ("DATABASE_URL", f"postgresql://{rest}")
            for rest in (
                "a,b/wallet",
                "a,b/wallet?target_session_attrs=any",
                "a/wallet?target_session_attrs=standby",
                "a,,b/wallet?target_session_attrs=read-write",
                "a:1,b:0/wallet?target_session_attrs=read-write",
                "/wallet?host=a,b&port=1,2,3&target_session_attrs=read-write",
            )
        ],
        *[("REDIS_URL", url) for url in ("redis", "http://h", "redis://h:port", "redis://h/db")],
        ("JWT_SECRET", "x" * 31),
        ("JWT_SECRET", "x" * 32 + ",short"),
        *[("SMTP_URL", url) for url in ("mail", "http://h", "smtp://", "smtp://h:0", "smtp://h:x")],
        *[("MAIL_FROM", sender) for sender in ("wallet", "Mini Wallet", "a@b.de\r\nBcc: c@d.ef")],
        *[("APP_URL", url) for url in ("example.org", "ftp://h", "http://", "http://h:port")],
        *[
            ("APP_URL", url)
            for url in ("http://h/path", "http://u:p@h", "http://a b", "http://h?q")
        ],
        *[
            ("ALLOWED_ORIGINS", origins)
            for origins in (
                "*",
                "null",
                "http://a,b",
                "https://h/path",
                "https://*.example.org",
                "capacitor:localhost",
                "capacitor://",
                "capacitor://localhost/index.html",
                "wss://wallet.example.org",
                "file://h",
                "data://h",
                "javascript://h",
                "https://user@h",
                "http://localhost:99999",
                "1app://localhost",
            )
        ],
        *[("TRUSTED_PROXIES", proxies) for proxies in ("*", "10.0.0.0/33", "127.0.0.1,proxy")],
        *[("RATE_LIMIT_FACTOR", factor) for factor in ("-1", "much", "nan", "inf")],
        *[("ACCESS_TOKEN_SECONDS", seconds) for seconds in ("0", "-1", "1.5", "long")],
        *[("TRANSFER_FEE_BASIS_POINTS", points) for points in ("-1", "1.5", "10001")],
        ("AUDIT_KEY", "x" * 31),
        *[("SETTLEMENT_BATCHES", count) for count in ("0", "17", "two")],
        *[("SETTLEMENT_BATCH_COMMANDS", count) for count in ("0", "501")],
        *[("SETTLEMENT_QUEUE_COMMANDS", count) for count in ("0", "-1")],
        *[("WALLET_CURRENCY", code) for code in ("usd", "XXX", "€")],
        *[("MAX_TRANSFER", amount) for amount in ("0", "-5", "1e5", "10.001", "lots")],
        ("MAX_TOP_UP", "1_000"),
        ("MAX_BALANCE", "9" * 19),
        *[
            ("WEBHOOK_ALLOWED_HOSTS", hosts)
            for hosts in ("http://h", "h:80", "127.0.0.1:80", "[::1]:80", "h/path", "*", "a,b c")
        ],
        *[("TOP_UP_PROVIDER", name) for name in ("paypal", "stripe")],
        *[("STRIPE_API_BASE", address) for address in ("localhost", "http://h/v1", "ftp://h")],
        ("INSTANT_TOP_UPS", "perhaps"),
        ("GRAPHQL_PROFILE", "closed"),
        ("LOG_LEVEL", "LOUD"),
        ("PUSHER_APP_ID", "1"),
        ("PUSHER_KEY", "key"),
        ("PUSHER_SECRET", "secret"),
        ("PUSHER_PORT", "0"),
        ("PUSHER_USE_TLS", "perhaps"),
        ("PUSHER_HOST", "http://h"),
        ("PUSHER_CLUSTER", "e u"),
    ],
)
def test_what_is_wrong_is_named_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    said = refusal()
    assert name in said
    assert said.endswith("; see .env.example.")
    assert "\n" not in said
    assert ". " not in said


def test_a_secret_is_not_repeated_in_the_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTP_URL", "smtp://user:hunter2@host:port")
    assert "hunter2" not in refusal()


def test_money_of_top_ups_has_one_source_in_a_currency_that_it_knows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("STRIPE_API_KEY", "STRIPE_WEBHOOK_SECRET"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("TOP_UP_PROVIDER", "stripe")
    assert settings.load().instant_top_ups is False
    monkeypatch.setenv("WALLET_CURRENCY", "ISK")
    assert "WALLET_CURRENCY=ISK" in refusal()
    monkeypatch.setenv("WALLET_CURRENCY", "EUR")
    monkeypatch.setenv("INSTANT_TOP_UPS", "true")
    assert refusal().startswith("INSTANT_TOP_UPS gives money away")
    monkeypatch.delenv("TOP_UP_PROVIDER")
    assert settings.load().instant_top_ups is True


def test_pusher_needs_to_know_where(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in PUSHER.items():
        monkeypatch.setenv(name, value)
    assert refusal().startswith("PUSHER_CLUSTER or PUSHER_HOST ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "postgresql+psycopg://wallet:p@ss:w/rd@[::1]:5432/wallet?sslmode=require"),
        ("DATABASE_URL", "postgresql:///wallet?host=/run/postgresql"),
        ("DATABASE_URL", "postgresql://w:s@a:5432,[::1],c/wallet?target_session_attrs=read-write"),
        ("DATABASE_URL", "postgresql:///wallet?host=a,b&port=1,2&target_session_attrs=primary"),
        ("REDIS_URL", "rediss://:secret@cache.example.org"),
        ("REDIS_URL", "unix:///run/redis.sock?db=1"),
        ("SMTP_URL", "smtp+starttls://user%40example.org:p@ss@smtp.example.org:587"),
        ("SMTP_URL", "smtps://smtp.example.org"),
        ("MAIL_FROM", "wallet@localhost"),
        ("MAIL_FROM", '"Wallet, Mini" <wallet@example.org>'),
        ("APP_URL", "https://wallet.example.org/"),
        ("APP_URL", "http://[::1]:8000"),
        ("ALLOWED_ORIGINS", "https://a.example.org, http://localhost:5173"),
        ("ALLOWED_ORIGINS", "capacitor://localhost, ionic://localhost,tauri://localhost"),
        ("ALLOWED_ORIGINS", "chrome-extension://abcdefghijklmnop, HTTP://[::1]:3000/"),
        ("TRUSTED_PROXIES", "10.0.0.0/8, ::1"),
        ("RATE_LIMIT_FACTOR", "0.5"),
        ("LOG_LEVEL", "debug"),
        ("WALLET_CURRENCY", "KWD"),
    ],
)
def test_every_good_spelling_is_taken(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    settings.load()


def test_several_servers_without_the_one_that_takes_writes_are_refused_with_what_to_add(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://wallet:hunter2@a,b/wallet")
    said = refusal()
    assert said.startswith("DATABASE_URL is wrong: it lists several hosts")
    assert "target_session_attrs=read-write" in said
    assert "hunter2" not in said


def test_own_services_are_known_by_host_and_port() -> None:
    given = make_settings(
        database_url=(
            "postgresql://user:p@ss@db.internal,other.internal:6432/wallet?target_session_attrs=read-write"
        ),
        redis_url="rediss://[::1]",
        smtp_url="smtp+starttls://mail.example.org",
        app_url="https://wallet.example.org",
        pusher_app_id="1",
        pusher_key="key",
        pusher_secret="secret",
        pusher_host="channels.example.org",
        webhook_allowed_hosts="receiver.internal, 10.0.0.5, [fd00::1]",
    )
    assert given.own_addresses == [
        ("db.internal", 5432),
        ("other.internal", 6432),
        ("[::1]", 6379),
        ("mail.example.org", 587),
        ("wallet.example.org", 443),
        ("channels.example.org", 443),
    ]
    assert given.webhook_allowed_hosts == ("receiver.internal", "10.0.0.5", "[fd00::1]")
