"""`doctor` names each problem and what to do about it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import psycopg
import pytest
import redis
from psycopg import sql
from pydantic import SecretStr

from app.commands import demo, doctor, migrate
from dev import mail_catcher
from settings import Settings
from tests.app.conftest import ROUNDS, add_people
from tests.collector import collecting

MailCatcher = Callable[[], mail_catcher.MailCatcher]


def said(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    lines = capsys.readouterr().out.splitlines()
    return {line[7:].partition(": ")[0]: line[:5].strip() + ": " + line for line in lines}


def test_what_is_well_is_said_to_be(
    settings: Settings, start_mail_catcher: MailCatcher, capsys: pytest.CaptureFixture[str]
) -> None:
    well = settings.model_copy(update={"smtp_url": SecretStr(start_mail_catcher().url)})
    doctor.run(well)
    found = said(capsys)
    for what in ("Settings", "Database", "Migrations", "Relay", "Mails", "Redis", "Mail server"):
        assert found[what].startswith("ok"), found[what]
    assert "Start `./wallet worker`" in found["Workers"]
    assert found["Pusher"].startswith("note")
    assert "Tracing" not in found


def test_a_collector_is_named_whether_it_can_be_reached_or_not(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    with collecting() as collector:
        traced = settings.model_copy(update={"otel_exporter_otlp_endpoint": collector.url})
        doctor.run(traced)
        assert said(capsys)["Tracing"].startswith("ok")
    assert doctor.run(traced) == 1
    found = said(capsys)["Tracing"]
    assert found.startswith("to do")
    assert "OTEL_*" in found


def test_what_is_away_is_named_with_what_to_do(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    away = settings.model_copy(
        update={
            "database_url": SecretStr("postgresql://nobody@127.0.0.1:9/nothing"),
            "redis_url": SecretStr("redis://:hunter2@127.0.0.1:9/0"),
            "smtp_url": SecretStr("smtp://127.0.0.1:9"),
            "wallet_currency": "XXX",
            "app_url": "http://wallet.example",
        }
    )
    assert doctor.run(away) == 1
    found = said(capsys)
    assert "DATABASE_URL" in found["Database"]
    assert "Cannot be reached" in found["Redis"]
    assert "SMTP_URL" in found["Mail server"]
    assert "WALLET_CURRENCY" in found["Settings"]
    assert "https" in found["Transport"]
    assert "RATE_LIMIT_FACTOR" in found["Rate limits"]
    assert "hunter2" not in "".join(found.values())


def test_a_database_that_was_never_migrated_is_named(
    settings: Settings, empty_database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = settings.model_copy(update={"database_url": SecretStr(empty_database_url)})
    assert doctor.run(empty) == 1
    assert "./wallet migrate" in said(capsys)["Migrations"]


def test_search_texts_of_a_former_release_are_named(
    settings: Settings, admin_database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with psycopg.connect(admin_database_url, autocommit=True) as connection:
        connection.execute("COMMENT ON INDEX users_search_text_idx IS NULL")
    assert doctor.run(settings) == 1
    assert "run `./wallet migrate`" in said(capsys)["Migrations"]
    assert migrate.migrate(settings) == 0
    capsys.readouterr()
    doctor.run(settings)
    assert said(capsys)["Migrations"].startswith("ok")


def test_a_relay_that_stands_still_and_failed_mails_are_named(
    settings: Settings, admin_database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(add_people(settings))
    with psycopg.connect(admin_database_url) as connection:
        connection.execute(
            "INSERT INTO outbox (user_id, id, topic, payload, created_at) VALUES "
            "(gen_random_uuid(), gen_random_uuid(), 'nothing.happened', '{}', now() - interval '5 min')"
        )
        connection.execute(
            "INSERT INTO mails (user_id, id, purpose, state, created_at, trying_since, next_try_at) "
            "SELECT id, gen_random_uuid(), 'password_changed', 'failed', now(), now(), now() "
            "FROM users LIMIT 1"
        )
    assert doctor.run(settings) == 1
    found = said(capsys)
    assert "./wallet relay" in found["Relay"]
    assert "--retry-failed" in found["Mails"]


def test_a_key_that_is_not_that_of_the_ledgers_is_named(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    key = settings.model_copy(update={"audit_key": SecretStr("k" * 32)})
    doctor.run(key)
    assert said(capsys)["Seals"].startswith("ok"), "ledgers without an entry are of any key"
    assert demo.demo(key, password_rounds=ROUNDS) == 0
    doctor.run(key)
    assert said(capsys)["Seals"].startswith("ok")
    for other in (settings, settings.model_copy(update={"audit_key": SecretStr("o" * 32)})):
        assert doctor.run(other) == 1
        assert "./wallet reseal" in said(capsys)["Seals"]


def test_ledgers_sealed_without_a_key_are_noted(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert demo.demo(settings, password_rounds=ROUNDS) == 0
    doctor.run(settings)
    assert said(capsys)["Seals"].startswith("note")


def test_jobs_that_failed_or_were_refused_are_reported(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    with redis.Redis.from_url(settings.redis_url.get_secret_value()) as memory:
        memory.zadd("rq:failed:mail", {"written-by-a-stranger": 2**40})
    assert doctor.run(settings) == 1
    assert "1 failed or were refused" in said(capsys)["Jobs"]


def test_events_and_mails_of_another_release_are_reported(
    settings: Settings, admin_database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with psycopg.connect(admin_database_url, autocommit=True) as admin:
        admin.execute(
            "INSERT INTO outbox (user_id, id, topic, payload, set_aside_at) "
            "VALUES (gen_random_uuid(), gen_random_uuid(), 'unknown', '{}', now())"
        )
    assert doctor.run(settings) == 1
    found = said(capsys)
    assert "1 events and 0 mails" in found["Set aside"]
    assert found["Relay"].startswith("ok")


@pytest.mark.parametrize(
    ("setting", "unsafe"), [("synchronous_commit", "off"), ("session_replication_role", "replica")]
)
def test_an_unsafe_postgresql_setting_of_the_database_is_reported(
    settings: Settings,
    admin_database_url: str,
    capsys: pytest.CaptureFixture[str],
    setting: str,
    unsafe: str,
) -> None:
    def set_on_the_database(**values: str) -> None:
        with psycopg.connect(admin_database_url, autocommit=True) as admin:
            for name, value in values.items():
                admin.execute(
                    sql.SQL("ALTER DATABASE {} SET {} = {}").format(
                        sql.Identifier(admin.info.dbname), sql.Identifier(name), sql.Literal(value)
                    )
                )

    safe = {"synchronous_commit": "on", "session_replication_role": "origin"}
    set_on_the_database(**{**safe, setting: unsafe})
    assert doctor.run(settings) == 1
    found = said(capsys)
    assert found["Database"].startswith("ok")
    assert found["PostgreSQL settings"].startswith("to do")
    assert f"{setting} is {unsafe}" in found["PostgreSQL settings"]
    set_on_the_database(**safe)
    doctor.run(settings)
    assert "PostgreSQL settings" not in said(capsys)
