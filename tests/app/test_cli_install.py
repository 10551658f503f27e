"""The script `wallet` and its installation: from anywhere, from nothing, twice at once."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import settings
from app import install, interpreters

UV = Path(sys.executable).with_name("uv")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The script and its installer on a path with spaces, with locks that ask for no package."""
    root = tmp_path / "a path with spaces" / "mini wallet"
    (root / "app").mkdir(parents=True)
    shutil.copy(settings.ROOT / "wallet", root)
    for name in ("install.py", "interpreters.py"):
        shutil.copy(settings.ROOT / "app" / name, root / "app")
    (root / "app" / "__init__.py").touch()
    (root / "app" / "cli.py").write_text(
        "import os, sys; print(sys.prefix, os.environ['PYTHONPATH'], os.getcwd(), sys.argv[1:])"
    )
    for name in ("requirements.lock", "requirements-dev.lock"):
        (root / name).write_text("# nothing\n")
    return root


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder for PATH with this Python, uv, and what the script calls."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in ("sh", "readlink", "dirname", "cmp"):
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    (folder / "python3").symlink_to(os.path.realpath(sys.executable))
    (folder / "uv").symlink_to(UV)
    return folder


def start(script: Path, tools: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [script, *arguments],
        cwd="/",
        env={"PATH": str(tools), "HOME": str(tools.parent), "LANG": "C.UTF-8"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(script: Path, tools: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    process = start(script, tools, *arguments)
    output, errors = process.communicate(timeout=120)
    return subprocess.CompletedProcess([script, *arguments], process.returncode, output, errors)


def test_it_installs_once_and_runs_from_anywhere_through_symlinks(
    checkout: Path, tools: Path, tmp_path: Path
) -> None:
    (tmp_path / "first").symlink_to(checkout / "wallet")
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "second").symlink_to("../first")
    done = run(tmp_path / "links" / "second", tools, "up", "--port", "1 2")
    assert done.stdout == f"{checkout}/.venv {checkout} / ['up', '--port', '1 2']\n"
    assert "Making .venv" in done.stderr
    again = run(checkout / "wallet", tools)
    assert (again.returncode, again.stderr) == (0, "")


def test_two_at_once_install_once(checkout: Path, tools: Path) -> None:
    both = [start(checkout / "wallet", tools, str(number)) for number in range(2)]
    said = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sum("Making .venv" in errors for _, errors in said) == 1


def test_what_was_interrupted_is_made_again(checkout: Path, tools: Path) -> None:
    venv = checkout / ".venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "installing").touch()
    (venv / "bin" / "python").write_text("half")
    done = run(checkout / "wallet", tools)
    assert done.returncode == 0, done.stderr
    assert not (venv / "installing").exists()


def test_a_changed_lock_is_installed_and_test_has_its_own(checkout: Path, tools: Path) -> None:
    run(checkout / "wallet", tools)
    stamp = checkout / ".venv" / "installed-dev.lock"
    assert not stamp.exists()
    run(checkout / "wallet", tools, "test")
    assert stamp.read_text() == "# nothing\n"
    (checkout / "requirements-dev.lock").write_text("# nothing new\n")
    assert "Installing" in run(checkout / "wallet", tools, "up").stderr
    assert stamp.read_text() == "# nothing new\n"


def test_without_python_one_sentence_says_what_to_install(checkout: Path, tools: Path) -> None:
    (tools / "python3").unlink()
    (tools / "uv").unlink()
    done = run(checkout / "wallet", tools)
    assert done.returncode == 1
    assert done.stderr == (
        "Mini Wallet needs Python 3.11 or newer, or uv: install one of them and try again.\n"
    )


def test_without_venv_one_sentence_says_what_to_install(checkout: Path, tools: Path) -> None:
    (tools / "uv").unlink()
    (tools / "python3").unlink()
    (tools / "python3").write_text(
        f'#!{tools}/sh\ncase $3 in *ensurepip*) exit 1 ;; esac\nexec "{sys.executable}" "$@"\n'
    )
    (tools / "python3").chmod(0o755)
    done = run(checkout / "wallet", tools)
    assert done.returncode == 1
    assert "apt install python3-venv" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_checkout_that_cannot_be_written_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert install.main("run") == 1
    assert f"{settings.ROOT} cannot be written by this user" in capsys.readouterr().err


def script(file: Path, lines: str) -> Path:
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"#!/bin/sh\n{lines}\n")
    file.chmod(0o755)
    return file


def test_another_python_is_taken_only_where_it_is_clearly_faster() -> None:
    clearly = interpreters.CLEARLY_FASTER
    assert interpreters.fastest("a", {"a": [2.0], "b": [1.0], "c": [1.1]}) == ("b", 2.0)
    assert interpreters.fastest("a", {"a": [clearly], "b": [1.0]}) == ("b", clearly)
    assert interpreters.fastest("a", {"a": [clearly], "b": [1.01]}) == ("a", 1.0)
    assert interpreters.fastest("a", {"a": [1.0], "b": [2.0]}) == ("a", 1.0)


def test_a_moment_in_which_the_machine_is_slow_decides_nothing() -> None:
    same = {"a": [1.0, 2.0, 2.0, 2.0, 1.0], "b": [1.0, 2.0, 1.0, 2.0, 1.0]}
    assert interpreters.fastest("a", same) == ("a", 1.0)
    faster = {"a": [3.0, 6.0, 3.0, 6.0, 3.0], "b": [2.0, 4.0, 4.0, 4.0, 2.0]}
    assert interpreters.fastest("a", faster) == ("b", 1.5)


def test_the_first_python_stays_where_it_could_not_be_measured() -> None:
    assert interpreters.fastest("a", {"b": [1.0], "c": [9.0]}) == ("a", 1.0)
    assert interpreters.fastest("a", {}) == ("a", 1.0)


def test_pythons_in_path_are_found_once_each_by_what_they_stand_on(tmp_path: Path) -> None:
    real = os.path.realpath(sys.executable)
    links = tmp_path / "links"
    links.mkdir()
    for name in ("python3.11", "python3", "python"):
        (links / name).symlink_to(real)
    # This one is that of a virtual environment, and starts another as the shims of pyenv do.
    script(tmp_path / "shims" / "python3", f'exec "{sys.executable}" "$@"')
    (tmp_path / "again").symlink_to(links)
    path = os.pathsep.join(["", "nowhere", *(str(tmp_path / name) for name in ("links", "again"))])
    path += os.pathsep + str(tmp_path / "shims")
    assert interpreters.find(real, path, needs_venv=False) == [real]
    assert interpreters.find(sys.executable, path, needs_venv=False) == [sys.executable]
    assert interpreters.find(str(tmp_path / "gone"), path, needs_venv=False) == []


def test_without_uv_a_python_has_to_have_venv(tmp_path: Path) -> None:
    lines = f'case $* in *ensurepip*) exit 1 ;; esac\nexec "{sys.executable}" "$@"'
    bare = str(script(tmp_path / "bare" / "python3", lines))
    assert interpreters.find(bare, "", needs_venv=False) == [bare]
    assert interpreters.find(bare, "", needs_venv=True) == []


def test_a_python_is_measured_for_real() -> None:
    measured = interpreters.measure([sys.executable, os.path.realpath(sys.executable)])
    assert list(measured) == [sys.executable, os.path.realpath(sys.executable)]
    first, second = measured.values()
    assert len(first) == len(second) > 1
    assert min(*first, *second) > 0
    # Alone there is nothing to choose.
    assert interpreters.measure([sys.executable]) == {}


def test_what_hangs_crashes_or_is_no_python_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interpreters, "_PATIENCE_SECONDS", 1.0)
    # Its child holds the pipe open after it: both have to be ended.
    hanging = script(tmp_path / "hanging" / "python3", "/bin/sleep 60; exit")
    crashing = script(tmp_path / "crashing" / "python3", "kill -SEGV $$")
    chatting = script(tmp_path / "chatting" / "python3", "echo version not set")
    garbage = script(tmp_path / "garbage" / "python3", "")
    garbage.write_bytes(b"\x7fELF and nothing more")
    others = [hanging, crashing, chatting, garbage]
    path = os.pathsep.join(str(file.parent) for file in others)
    assert interpreters.find(sys.executable, path, needs_venv=True) == [sys.executable]
    measured = interpreters.measure([sys.executable, *map(str, others)])
    assert list(measured) == [sys.executable]
    assert interpreters.choose(sys.executable, path, needs_venv=True) == (sys.executable, 1.0)


def test_the_chosen_python_is_named_and_venv_is_made_of_it(
    checkout: Path, tools: Path, tmp_path: Path
) -> None:
    chosen = tmp_path / "chosen" / "python3"
    chosen.parent.mkdir()
    chosen.symlink_to(os.path.realpath(sys.executable))
    (checkout / "app" / "interpreters.py").write_text(
        f"def choose(first, path, needs_venv): return {str(chosen)!r}, 1.84\n"
    )
    done = run(checkout / "wallet", tools)
    assert done.returncode == 0, done.stderr
    assert f"Using {chosen}: it is 1.8 times as fast as {tools}/python3.\n" in done.stderr
    made_of = (checkout / ".venv" / "bin" / "python").resolve()
    assert made_of == chosen.resolve()


def test_a_chosen_python_that_fails_gives_way_to_the_first(checkout: Path, tools: Path) -> None:
    failing = script(checkout.parent / "failing" / "python3", "exit 1")
    (checkout / "app" / "interpreters.py").write_text(
        f"def choose(first, path, needs_venv): return {str(failing)!r}, 2.0\n"
    )
    done = run(checkout / "wallet", tools)
    assert done.returncode == 0, done.stderr
