"""Operations on ledgers: verifying receipts, and replacing the key of the seals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from app import cli, command_line
from app.commands import audit, demo, reseal
from domain.ledger.seals import Receipt
from settings import Settings
from tests import row_changes
from tests.app.conftest import ROUNDS

OLD, NEW = "the key of before, which is long enough", "the key of now, which is long enough too"

Said = Callable[[], str]


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    def read() -> str:
        captured = capsys.readouterr()
        return captured.out + captured.err

    return read


def with_key(settings: Settings, key: str | None) -> Settings:
    return settings.model_copy(update={"audit_key": SecretStr(key) if key else None})


def receipts(settings: Settings) -> list[str]:
    """Of every line that there is."""
    with psycopg.connect(settings.database_url.get_secret_value()) as connection:
        rows = connection.execute("SELECT user_id, sequence, seal FROM transactions").fetchall()
    return [Receipt(*row).render() for row in rows]


def test_receipts_are_read_from_the_command_line_and_the_standard_input(
    settings: Settings, admin_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyed = with_key(settings, OLD)
    assert demo.demo(keyed, password_rounds=ROUNDS) == 0
    monkeypatch.setattr(cli, "_settings", lambda data: keyed)
    first, *others = receipts(keyed)
    everything = CliRunner().invoke(
        cli.app, ["audit", "--receipt", first, "--receipt", "-"], input="\n".join([*others, "", ""])
    )
    assert everything.exit_code == 0
    lines = everything.stdout.splitlines()
    assert len(lines) == 3
    assert all("Contained" in line for line in lines)
    assert lines[0].startswith(first)
    with row_changes.Unguarded.open(admin_database_url) as admin:
        admin.execute("UPDATE transactions SET idempotency_key = 'another-key' WHERE user_id = %s",
                      [Receipt.read(first).user_id])  # fmt: skip
    failed = CliRunner().invoke(cli.app, ["audit", "--receipt", first, "--receipt", others[0]])
    assert failed.exit_code == 1
    assert "does not prove" in failed.stdout
    assert "Contained" in failed.stdout
    assert CliRunner().invoke(cli.app, ["audit", "--receipt", "-"], input="").exit_code == 1


def test_ledgers_go_over_to_another_key_and_old_receipts_stay_good(
    settings: Settings, tmp_path: Path, said: Said
) -> None:
    before, now = with_key(settings, OLD), with_key(settings, NEW)
    file = tmp_path / "key"
    file.write_text(f"{OLD}\n")
    assert demo.demo(before, password_rounds=ROUNDS) == 0
    kept = receipts(settings)
    assert audit.audit(now) == 1
    assert "another AUDIT_KEY" in said()
    assert reseal.reseal(now, key_before=file) == 0
    assert "3 entries are sealed with AUDIT_KEY" in said()
    assert audit.audit(now) == 0
    assert audit.check_receipts(now, kept) == 1
    assert "of another AUDIT_KEY" in said()
    assert audit.check_receipts(now, kept, keys_before=[file]) == 0
    assert audit.check_receipts(now, receipts(settings)) == 0


def test_ledgers_without_a_key_get_one(settings: Settings, said: Said) -> None:
    assert demo.demo(settings, password_rounds=ROUNDS) == 0
    assert audit.audit(settings) == 0
    assert "AUDIT_KEY is not set" in said()
    assert reseal.reseal(with_key(settings, NEW), key_before=None) == 0
    assert audit.audit(with_key(settings, NEW)) == 0
    assert "AUDIT_KEY is not set" not in said()


def test_what_cannot_be_resealed_is_left_and_named(
    settings: Settings, tmp_path: Path, said: Said
) -> None:
    assert demo.demo(with_key(settings, OLD), password_rounds=ROUNDS) == 0
    kept = receipts(settings)
    short = tmp_path / "short"
    short.write_text("short")
    for chosen, file, part in (
        (None, None, "AUDIT_KEY is not set"),
        (NEW, tmp_path / "none", "cannot be read"),
        (NEW, short, "does not contain a key"),
        (NEW, None, "Check the key"),
    ):
        assert reseal.reseal(with_key(settings, chosen), key_before=file) == 1
        assert part in said()
    assert receipts(settings) == kept


def test_whether_there_was_a_key_before_is_to_be_said() -> None:
    for arguments in ([], ["--key-before", "a-file", "--no-key-before"]):
        refused = CliRunner().invoke(cli.app, ["reseal", *arguments])
        assert refused.exit_code == command_line.USAGE
        assert "--no-key-before" in refused.output
