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


def test_the_headless_shell_is_used_where_it_is_installed(programs: Path) -> None:
    chrome = put(programs, "google-chrome")
    assert browser.headless_path() == chrome
    assert browser.headless_path() != put(programs, browser.SHELL) == browser.headless_path()
    assert browser.chromium_path() == chrome


def test_without_one_a_sentence_says_how_to_get_it(programs: Path) -> None:
    with pytest.raises(processes.ServiceError, match="apt-get install chromium"):
        browser.chromium_path()


@pytest.fixture
def calls(programs: Path) -> Path:
    """An apt-get that installs nothing, and how it was called."""
    calls = programs / "calls"
    put(programs, "apt-get", f'echo "$@" >> "{calls}"\n')
    return calls


def installed(calls: Path) -> list[str]:
    """The last word of each call."""
    return [line.rsplit(" ", 1)[1] for line in calls.read_text().splitlines()]


@pytest.mark.parametrize(("user", "is_installed"), [(0, True), (1000, False)])
def test_debians_is_installed_where_we_may(
    calls: Path, monkeypatch: pytest.MonkeyPatch, user: int, is_installed: bool
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: user)
    told: list[str] = []
    browser.install_chromium(told.append)
    assert bool(told) is is_installed
    assert calls.exists() is is_installed
    if is_installed:
        assert installed(calls) == ["update", "chromium-headless-shell", "chromium"]


def test_beside_another_browser_the_headless_shell_is_installed_alone(
    calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    put(calls.parent, "google-chrome")
    browser.install_chromium(lambda _what: None)
    assert installed(calls) == ["update", "chromium-headless-shell"]


def test_nothing_is_installed_where_there_are_both(
    calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    put(calls.parent, "chromium")
    put(calls.parent, browser.SHELL)
    told: list[str] = []
    browser.install_chromium(told.append)
    assert told == []
    assert not calls.exists()
