"""`./wallet operators`: who is an operator is changed on the command line, and recorded in a sealed log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg import errors
from pydantic import SecretStr

from app.commands import demo, operators, reseal
from persistence.audit import audit
from persistence.engine.database import Database
from settings import Settings
from tests import row_changes
from tests.app.conftest import ROUNDS

OLD, NEW = "the key of before, which is long enough", "the key of now, which is long enough too"
ALPHA, BETA = "user.alpha@demo.app", "user.beta@demo.app"

#: A change of the log by hand, and a part of what the audit says.
DAMAGE = [
    ("UPDATE operator_records SET account_id = (SELECT max(id::text)::uuid FROM users) "
     "WHERE position = 1", "seal does not match"),
    ("UPDATE operator_records SET created_at = created_at - interval '1 s' WHERE position = 2",
     "seal does not match"),
    ("UPDATE operator_records SET type = 'addition' WHERE position = 2", "seal does not match"),
    ("DELETE FROM operator_records WHERE position = 2", "A record is missing"),
    ("DELETE FROM operator_records WHERE position = 5", "records were removed"),
    ("DELETE FROM operators", "and it is not one"),
    ("INSERT INTO operators SELECT id, now() FROM users WHERE name = 'User Beta'",
     "does not say that this user became"),
    ("UPDATE operator_log SET number = 1", "records were removed"),
]  # fmt: skip


@pytest.fixture
def keyed(settings: Settings) -> Settings:
    """With the demo users, and a key."""
    keyed = with_key(settings, OLD)
    assert demo.demo(keyed, password_rounds=ROUNDS) == 0
    return keyed


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    def read() -> str:
        captured = capsys.readouterr()
        return captured.out + captured.err

    return read


def with_key(settings: Settings, key: str) -> Settings:
    return settings.model_copy(update={"audit_key": SecretStr(key)})


def sentences(settings: Settings) -> list[str]:
    """What the audit finds."""

    async def audited() -> list[str]:
        db = await Database.open(settings.database_url.get_secret_value())
        try:
            report = await audit.audit(db, audit_key=settings.sealing_key)
            return [finding.sentence for finding in report.findings]
        finally:
            await db.close()

    return asyncio.run(audited())


def test_operators_are_added_and_removed_once_each(
    keyed: Settings, said: Callable[[], str]
) -> None:
    assert operators.show(keyed) == 0
    assert "There are no operators" in said()
    assert operators.add(keyed, ALPHA.upper()) == 0
    assert f"{ALPHA} is an operator now" in said()
    assert operators.add(keyed, ALPHA) == 0
    assert "already" in said()
    assert operators.show(keyed) == 0
    assert f"{ALPHA} (User Alpha), since " in said()
    assert operators.remove(keyed, ALPHA) == 0
    assert "no longer" in said()
    assert operators.remove(keyed, ALPHA) == 0
    assert "is not an operator" in said()
    for unknown, why in (("nobody@demo.app", "No user has verified"), ("nonsense", "")):
        assert operators.add(keyed, unknown) == 1
        assert why in said()
    with psycopg.connect(keyed.database_url.get_secret_value()) as connection:
        rows = connection.execute("SELECT position, type FROM operator_records ORDER BY 1")
        assert rows.fetchall() == [(1, "addition"), (2, "removal")]
    assert sentences(keyed) == []


def test_the_log_of_operators_is_append_only_and_proves_itself(
    keyed: Settings, admin_database_url: str, tmp_path: Path, said: Callable[[], str]
) -> None:
    for change in (operators.add, operators.remove, operators.add):
        assert change(keyed, ALPHA) == 0
    with psycopg.connect(keyed.database_url.get_secret_value(), autocommit=True) as connection:
        for statement in (
            b"UPDATE operator_records SET type = 'removal'",
            b"DELETE FROM operator_records",
            b"TRUNCATE operator_records",
        ):
            with pytest.raises(errors.RestrictViolation, match="append-only"):
                connection.execute(statement)
    assert sentences(keyed) == []
    assert any("seal does not match" in each for each in sentences(with_key(keyed, NEW)))
    before = tmp_path / "key"
    before.write_text(OLD)
    assert reseal.reseal(with_key(keyed, NEW), key_before=before) == 0, said()
    assert sentences(with_key(keyed, NEW)) == []
    keyed = with_key(keyed, NEW)
    assert operators.add(keyed, BETA) == 0
    assert operators.remove(keyed, BETA) == 0
    assert sentences(keyed) == []
    for statement, sentence in DAMAGE:
        with row_changes.Unguarded.open(admin_database_url) as admin:
            for table in ("operator_records", "operators", "operator_log"):
                admin.execute(f"CREATE TABLE kept_{table} AS TABLE {table}".encode())
            admin.execute(statement.encode())
            assert any(sentence in each for each in sentences(keyed)), statement
            for table in ("operator_records", "operators", "operator_log"):
                admin.execute(f"DELETE FROM {table}".encode())
                admin.execute(f"INSERT INTO {table} TABLE kept_{table}".encode())
                admin.execute(f"DROP TABLE kept_{table}".encode())
    assert sentences(keyed) == []
