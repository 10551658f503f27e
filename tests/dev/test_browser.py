"""The browser for the tests: an installed one, or a sentence that says how to get one."""

from __future__ import annotations

from pathlib import Path

import pytest

from dev import browser, processes


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing on it yet."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(browser, "MACOS", tmp_path / "no application")
    return tmp_path


def put(folder: Path, name: str, script: str = "") -> Path:
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}")
    program.chmod(0o755)
    return program


def test_any_chromium_on_path_will_do(programs: Path) -> None:
    chrome = put(programs, "google-chrome")
    assert browser.chromium_path() == chrome
    assert browser.chromium_path() != put(programs, "chromium") == browser.chromium_path()


def test_without_one_a_sentence_says_how_to_get_it(programs: Path) -> None:
    with pytest.raises(processes.ServiceError, match="apt-get install chromium"):
        browser.chromium_path()


@pytest.mark.parametrize(("user", "is_installed"), [(0, True), (1000, False)])
def test_debians_is_installed_where_we_may(
    programs: Path, monkeypatch: pytest.MonkeyPatch, user: int, is_installed: bool
) -> None:
    calls = programs / "calls"
    put(programs, "apt-get", f'echo "$@" >> "{calls}"\n')
    monkeypatch.setattr("os.geteuid", lambda: user)
    told: list[str] = []
    browser.install_chromium(told.append)
    assert bool(told) is is_installed
    assert calls.exists() is is_installed
    if is_installed:
        assert "install -y --no-install-recommends chromium" in calls.read_text()


def test_nothing_is_installed_where_there_is_one(programs: Path) -> None:
    put(programs, "chromium")
    put(programs, "apt-get", "exit 1")
    told: list[str] = []
    browser.install_chromium(told.append)
    assert told == []
