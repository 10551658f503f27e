"""The messages of `up` while it runs: each logged error once, also without a terminal."""

from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from dev.up import messages


@pytest.fixture
def said() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def told(said: io.StringIO) -> messages.Messages:
    return messages.Messages(Console(file=said, highlight=False, soft_wrap=True))


def write(log: Path, **entry: str) -> None:
    with log.open("a") as file:
        file.write(json.dumps(entry) + "\n")


def test_new_errors_are_shown_once_and_nothing_else(
    tmp_path: Path, told: messages.Messages, said: io.StringIO
) -> None:
    log = tmp_path / "relay.log"
    write(log, level="error", event="an old one")
    told.follow("relay", log)
    write(log, level="info", event="all is well")
    write(log, level="error", event="it [failed]", exception="Traceback\n  line\nOSError: gone")
    write(log, level="error", event="it [failed]", exception="Traceback\n  line\nOSError: gone")
    with log.open("a") as file:
        file.write('not json\n{"level": "error", "event": "half a li')
    told.show_problems()
    told.show_problems()
    lines = said.getvalue().splitlines()[1:]
    assert lines == [f"  relay it [failed]: OSError: gone ({log})"]


def test_a_step_that_failed_is_not_ticked_off(told: messages.Messages, said: io.StringIO) -> None:
    with pytest.raises(ValueError, match="broken"), told.step("Tables"):
        raise ValueError("broken")
    with told.step("Demo users"):
        pass
    assert "Tables" not in said.getvalue()
    assert "✓ Demo users 0.0 s" in said.getvalue()


def test_a_terminal_that_is_gone_stops_nothing() -> None:
    class Gone(io.StringIO):
        def write(self, _text: str) -> int:
            raise OSError(5, "Input/output error")

    messages.Messages(Console(file=Gone())).stopping()


def test_without_demo_users_and_catcher_neither_is_mentioned(
    tmp_path: Path, told: messages.Messages, said: io.StringIO
) -> None:
    told.ready(facts(tmp_path, demo=False, mails_caught=False))
    assert "http://localhost:8000/graphql" in said.getvalue()
    assert "demo.app" not in said.getvalue()
    assert "/dev/mail" not in said.getvalue()


def test_pages_that_are_still_being_built_are_named_and_so_is_what_failed(
    tmp_path: Path, told: messages.Messages, said: io.StringIO
) -> None:
    told.ready(facts(tmp_path), ["web client", "playground"])
    told.built(["web client", "playground"], [])
    told.built(["playground"], ["The playground is not available."])
    lines = [line.strip() for line in said.getvalue().splitlines()]
    assert "… The web client and the playground, built once: about a minute" in lines
    assert lines[-2:] == [
        "✓ The web client and the playground", "! The playground is not available.",
    ]  # fmt: skip


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.1.7", "wallet.example.org"])
def test_what_becomes_public_is_said(
    tmp_path: Path, told: messages.Messages, said: io.StringIO, host: str
) -> None:
    told.ready(facts(tmp_path, host=host, payments="http://127.0.0.1:20000/test"))
    for what in (
        *("anyone who can reach this machine", "whose password is public", "/dev/mail"),
        "test payments, which anyone can make",
    ):
        assert what in said.getvalue()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_nothing_is_public_on_this_machine_alone(
    tmp_path: Path, told: messages.Messages, said: io.StringIO, host: str
) -> None:
    told.ready(facts(tmp_path, host=host))
    assert "can reach this machine" not in said.getvalue()


def facts(folder: Path, **changed: Any) -> messages.Facts:
    usual = messages.Facts(
        url="http://localhost:8000",
        demo=True,
        mails_caught=True,
        pusher_address="eu",
        pusher_key="key",
        folder=folder,
    )
    return dataclasses.replace(usual, **changed)
