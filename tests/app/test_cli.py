"""The commands: each prints its help quickly, and reports what is missing in one sentence."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import settings
from app.commands import services_of_up
from dev.up import folder as folders

COMMANDS = [
    *[
        "up",
        "test",
        "serve",
        "worker",
        "relay",
        "migrate",
        "demo",
        "schema",
        "audit",
        "reseal",
        "doctor",
        "operators",
        "cluster",
    ],
    "bench",
]
SHELL = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LANG": "C.UTF-8"}


def wallet(*arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "app.cli", *arguments],
        cwd=cwd,
        env={**SHELL, "PYTHONPATH": str(settings.ROOT), **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    from typer.testing import CliRunner

    from app import cli

    result = CliRunner().invoke(cli.app, [command, "--help"])
    assert result.exit_code == 0
    assert "Usage:" in result.stdout
    assert command in result.stdout


def test_help_needs_no_service_and_no_heavy_import(tmp_path: Path) -> None:
    code = (
        "import sys, app.cli; print(sorted({'strawberry', 'sqlalchemy', 'psycopg', 'redis', "
        "'pydantic'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=tmp_path,
        env={**SHELL, "PYTHONPATH": str(settings.ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_a_missing_variable_is_named_in_one_sentence(tmp_path: Path) -> None:
    done = wallet("serve", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert re.fullmatch(r"DATABASE_URL is not set: see \.env\.example .*\.\n", done.stderr)


def test_without_a_database_audit_says_what_to_start(tmp_path: Path) -> None:
    done = wallet("audit", "--data", str(tmp_path / "none"), cwd=tmp_path)
    assert done.returncode == 2
    assert "no `./wallet up` is running" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_what_lies_where_the_user_stands_is_not_taken_for_ours(tmp_path: Path) -> None:
    (tmp_path / "settings.py").write_text("raise SystemExit('the wrong settings')")
    done = wallet("serve", cwd=tmp_path)
    assert "DATABASE_URL is not set" in done.stderr


def test_the_example_lists_every_variable_with_a_comment() -> None:
    text = (settings.ROOT / ".env.example").read_text()
    listed = re.findall(r"(?m)^(?:# )?([A-Z][A-Z_]+)=", text)
    known = {name.upper() for name in settings.Settings.model_fields}
    assert sorted(listed) == sorted(known)
    for block in re.split(r"\n\n+", text):
        assert not re.match(r"(# )?[A-Z][A-Z_]+=", block), f"no comment above {block}"


def test_the_example_leaves_what_is_optional_commented_out() -> None:
    text = (settings.ROOT / ".env.example").read_text()
    needed = {
        name.upper()
        for name, field in settings.Settings.model_fields.items()
        if field.is_required()
    }
    assert set(re.findall(r"(?m)^([A-Z][A-Z_]+)=", text)) == needed


def test_the_example_shows_the_defaults() -> None:
    text = (settings.ROOT / ".env.example").read_text()
    shown = dict(re.findall(r"(?m)^# ([A-Z][A-Z_]+)=(.+)$", text))
    for name, field in settings.Settings.model_fields.items():
        if not field.is_required() and field.default not in (None, ()):
            assert shown[name.upper()] == str(field.default).lower() or shown[name.upper()] == str(
                field.default
            ), name


def test_commands_beside_a_running_up_use_its_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services_of_up, "given", lambda: {})
    for name in ("DATABASE_URL", "JWT_SECRET"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    with folders.hold(tmp_path / "data") as folder:
        values = {"DATABASE_URL": "postgresql://a:b@127.0.0.1/c", "JWT_SECRET": "it's a 'secret'"}
        folders.publish(folder, values)
        assert (folder / "env").stat().st_mode & 0o777 == 0o600
        services_of_up.use_if_needed(folder)
        assert {name: os.environ[name] for name in values} == values
    with pytest.raises(services_of_up.NotRunning):
        services_of_up.use_if_needed(tmp_path / "data")


@pytest.mark.parametrize("command", ["serve", "worker", "relay"])
def test_an_unknown_parameter_of_the_database_is_named_in_one_sentence(
    tmp_path: Path, command: str
) -> None:
    variables = {
        "DATABASE_URL": "postgresql://wallet:secret@127.0.0.1:1/wallet?nonsense=1",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "JWT_SECRET": "0123456789abcdef" * 2,
        "MAIL_FROM": "wallet@example.org",
        "SMTP_URL": "smtp://127.0.0.1:1",
    }
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    options = ["--port", port] if command == "serve" else []
    done = wallet(command, *options, cwd=tmp_path, **variables)
    assert done.returncode == 2
    said = done.stderr.splitlines()
    assert len(said) == 1
    assert said[0].startswith("DATABASE_URL has an unknown parameter: nonsense")


@pytest.mark.parametrize("smtp_url", ["smtp://h\u2100:25", "smtp://h\uff1a25", "smtp://host:mail"])
def test_a_worker_names_a_bad_mail_server_in_one_sentence(tmp_path: Path, smtp_url: str) -> None:
    variables = {
        "DATABASE_URL": "postgresql://wallet@127.0.0.1:1/wallet",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "APP_URL": "http://localhost:8000",
        "JWT_SECRET": "0123456789abcdef" * 2,
        "MAIL_FROM": "wallet@example.org",
    }
    done = wallet("worker", cwd=tmp_path, **variables, SMTP_URL=smtp_url)
    assert done.returncode == 2
    assert re.fullmatch(r"SMTP_URL is wrong: it takes smtp://.*\n", done.stderr)
