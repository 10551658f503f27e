"""Nothing depends on settings of the role, the database or the environment."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import get_args
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from app.commands import audit, demo, doctor, migrate, reseal
from jobs import mail
from jobs import services as job_services
from persistence.delivery import mails
from settings import Settings
from tests import relays
from tests.app.conftest import ALPHA, BETA, PASSWORD, ROUNDS, Api
from tests.conftest import make_settings
from tests.databases import ADMIN_VARIABLE, with_database
from tests.dev.faulty_smtp import FaultySmtp

#: A value of each setting that no code of ours was written for. Roles and databases take all of them.
HOSTILE = {
    "DateStyle": "German, DMY",
    "IntervalStyle": "sql_standard",
    "TimeZone": "Asia/Kathmandu",
    "bytea_output": "escape",
    "extra_float_digits": "-15",
    "standard_conforming_strings": "off",
    "array_nulls": "off",
    "client_encoding": "LATIN1",
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "row_security": "off",
    "search_path": '"a schema before public"',
    "xmloption": "document",
    "transform_null_equals": "on",
    "quote_all_identifiers": "on",
    "gin_fuzzy_search_limit": "1",
    "exit_on_error": "on",
    "check_function_bodies": "off",
    "client_min_messages": "error",
    "plan_cache_mode": "force_generic_plan",
    "jit": "on",
    "default_toast_compression": "pglz",
    "restrict_nonsystem_relation_kind": "view, foreign-table",
    "lock_timeout": "1ms",
    "idle_in_transaction_session_timeout": "1ms",
    # Shorter, and the server might not even get round to being told otherwise.
    "statement_timeout": "100ms",
    # Of PostgreSQL 17 and newer.
    "transaction_timeout": "100ms",
}
ENVIRONMENT = {
    "PGDATESTYLE": "SQL, DMY",
    "PGTZ": "Asia/Kathmandu",
    "PGCLIENTENCODING": "LATIN1",
    "PGOPTIONS": "-c search_path=nowhere -c DateStyle=German",
    "PGGEQO": "off",
    "PGSERVICE": "nothing-of-that-name",
}
NAME = "Zoë ☃ O'Brien\\"
REGISTER = """
mutation ($input: RegisterInput!) { register(input: $input) { __typename } }
"""
SEND = """
mutation ($input: SendMoneyInput!) {
  sendMoney(input: $input) {
    __typename ... on MoneySent { replayed transaction { createdAt seal amount { amount } note } }
  }
}
"""
READ = """
query ($since: DateTime!) {
  viewer {
    balance { amount }
    transactions(first: 5, filter: { text: "snow", createdAfter: $since }) { nodes { note createdAt } }
    sessions { createdAt }
  }
  searchUsers(query: "user be") { nodes { name } }
}
"""


def superuser(url: str) -> str:
    return with_database(os.environ[ADMIN_VARIABLE], urlsplit(url).path.removeprefix("/"))


def make_hostile(url: str, settings: dict[str, str]) -> None:
    """Set all of it on the database, and on its owner there, which outweighs the role itself."""
    parts = urlsplit(url)
    database, role = parts.path.removeprefix("/"), parts.username or ""
    targets = [
        sql.SQL("DATABASE {}").format(sql.Identifier(database)),
        sql.SQL("ROLE {} IN DATABASE {}").format(sql.Identifier(role), sql.Identifier(database)),
    ]
    with psycopg.connect(superuser(url), autocommit=True) as admin:
        known = {name for (name,) in admin.execute("SELECT lower(name) FROM pg_settings")}
        for target in targets:
            for name, value in settings.items():
                if name.lower() not in known:
                    continue
                admin.execute(
                    sql.SQL("ALTER {} SET {} = {}").format(
                        target, sql.Identifier(name), sql.Literal(value)
                    )
                )


@pytest.fixture
def hostile_url(empty_database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty database whose role, whose database and in whose environment everything is different.

    A schema that comes before ours has tables with the names of ours, and another has `pg_trgm`.
    """
    with psycopg.connect(superuser(empty_database_url), autocommit=True) as admin:
        admin.execute('CREATE SCHEMA "a schema before public"')
        admin.execute('GRANT ALL ON SCHEMA "a schema before public" TO PUBLIC')
        for table in ("users", "transactions", "sessions", "outbox", "mails", "alembic_version"):
            admin.execute(
                sql.SQL('CREATE TABLE "a schema before public".{} (nothing integer)').format(
                    sql.Identifier(table)
                )
            )
        admin.execute('CREATE SCHEMA "extensions of all"')
        admin.execute('GRANT USAGE ON SCHEMA "extensions of all" TO PUBLIC')
        admin.execute('CREATE EXTENSION pg_trgm SCHEMA "extensions of all"')
    make_hostile(empty_database_url, HOSTILE)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    return empty_database_url


@pytest.fixture(params=["no pooler", *get_args(relays.Treatment)])
def settings(
    hostile_url: str, redis_url: str, request: pytest.FixtureRequest
) -> Iterator[Settings]:
    """Without a pooler, and behind what a pooler does with startup parameters."""
    if request.param == "no pooler":
        yield make_settings(database_url=hostile_url, redis_url=redis_url)
        return
    with relays.before(hostile_url, request.param) as url:
        yield make_settings(database_url=url, redis_url=redis_url)


def test_everything_works_whatever_role_database_and_environment_set(
    settings: Settings,
    start_api: Callable[..., Api],
    start_smtp: Callable[..., FaultySmtp],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert migrate.migrate(settings) == 0, capsys.readouterr().err
    assert demo.demo(settings, password_rounds=ROUNDS) == 0, capsys.readouterr().err
    api = start_api()
    began = datetime.now().astimezone()
    alpha, beta = api.sign_in(ALPHA), api.sign_in(BETA)
    assert api.client.get("/readyz").json()["status"] == "ready"

    order = {
        "recipient": {"email": BETA},
        "amount": "12.34",
        "note": "Snow ☃ \\ 'n' ice",
        "idempotencyKey": "key-of-a-hostile-test",
    }
    sent = [api.data(SEND, {"input": order}, token=alpha)["sendMoney"] for _ in range(2)]
    assert [each["__typename"] for each in sent] == ["MoneySent"] * 2
    assert [each["replayed"] for each in sent] == [False, True]
    assert sent[0]["transaction"] == sent[1]["transaction"]
    at = datetime.fromisoformat(sent[0]["transaction"]["createdAt"])
    assert at.utcoffset() == timedelta(0)
    assert began - timedelta(minutes=1) < at < began + timedelta(minutes=2)

    since = (began - timedelta(minutes=1)).isoformat()
    found = api.data(READ, {"since": since}, token=beta)
    assert found["viewer"]["balance"]["amount"] == "1012.34"
    [line] = found["viewer"]["transactions"]["nodes"]
    assert line["note"] == order["note"]
    assert line["createdAt"] == sent[0]["transaction"]["createdAt"]
    assert [
        person["name"]
        for person in api.data(READ, {"since": since}, token=alpha)["searchUsers"]["nodes"]
    ] == ["User Beta"]

    newcomer = {"name": NAME, "email": "zoe@example.org", "password": PASSWORD}
    assert "errors" not in api.post(REGISTER, {"input": newcomer}).json()
    smtp = start_smtp()
    asyncio.run(
        send_what_is_due(
            settings.model_copy(update={"smtp_url": type(settings.smtp_url)(smtp.url)})
        )
    )
    # Alpha and Beta have signed in.
    assert {each["to"] for each in smtp.mails} == {
        *("user.alpha@demo.app", "user.beta@demo.app", "zoe@example.org"),
    }
    zoe = api.data("{ viewer { user { name } } }", token=api.sign_in("zoe@example.org"))
    assert zoe["viewer"]["user"]["name"] == NAME

    assert audit.audit(settings) == 0, capsys.readouterr().err
    seal = sent[0]["transaction"]["seal"]
    assert audit.check_receipts(settings, [seal]) == 0, capsys.readouterr().err
    keyed = settings.model_copy(update={"audit_key": type(settings.smtp_url)("k" * 32)})
    assert reseal.reseal(keyed, key_before=None) == 0, capsys.readouterr().err
    assert audit.audit(keyed) == 0, capsys.readouterr().err
    doctor.run(keyed)
    said = capsys.readouterr().out
    for what in ("Database", "Migrations", "Seals"):
        assert f"ok     {what}" in said, said


async def send_what_is_due(settings: Settings) -> None:
    async with job_services.opened(settings) as services:
        for user_id, mail_id in await mails.due(services.database, 10):
            await mail.send(services, user_id, mail_id)
