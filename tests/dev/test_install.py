"""The script `wallet` and its installation: from any folder, from nothing, and concurrently."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import settings
from dev import install

UV = Path(sys.executable).with_name("uv")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The script and its installer on a path with spaces, with locks that ask for no package."""
    root = tmp_path / "a path with spaces" / "mini wallet"
    (root / "app").mkdir(parents=True)
    (root / "dev").mkdir()
    shutil.copy(settings.ROOT / "wallet", root)
    shutil.copy(settings.ROOT / "dev" / "install.py", root / "dev")
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
    for name in ("sh", "readlink", "dirname", "cmp", "uname"):
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    (folder / "python3").symlink_to(os.path.realpath(sys.executable))
    (folder / "uv").symlink_to(UV)
    return folder


def start(script: Path, tools: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [script, *arguments],
        cwd="/",
        env={"PATH": str(tools), "HOME": str(tools.parent), "LANG": "C.UTF-8", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(
    script: Path, tools: Path, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    process = start(script, tools, *arguments, **environment)
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
    assert "Creating .venv" in done.stderr
    again = run(checkout / "wallet", tools)
    assert (again.returncode, again.stderr) == (0, "")


def test_without_uv_the_locked_one_is_installed_with_a_pip_that_is_not(
    checkout: Path, tools: Path, tmp_path: Path
) -> None:
    (tools / "uv").unlink()
    wheel = tmp_path / "uv-1.0-py3-none-any.whl"
    facts = "uv-1.0.dist-info"
    uv = zipfile.ZipInfo("uv-1.0.data/scripts/uv")
    uv.external_attr = 0o100755 << 16
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(uv, f'#!{tools}/sh\necho "$@" >> "{tmp_path}/asked"\n')
        archive.writestr(f"{facts}/METADATA", "Metadata-Version: 2.1\nName: uv\nVersion: 1.0\n")
        archive.writestr(
            f"{facts}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{facts}/RECORD", "")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (checkout / "requirements.lock").write_text(f"uv==1.0 \\\n    --hash=sha256:{digest}\n")
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path)}
    done = run(checkout / "wallet", tools, **offline)
    assert done.returncode == 0, done.stderr
    assert "pip sync" in (tmp_path / "asked").read_text().splitlines()[-1]
    assert not list((checkout / ".venv").glob("lib/*/site-packages/pip*"))


def test_two_at_once_install_once(checkout: Path, tools: Path) -> None:
    both = [start(checkout / "wallet", tools, str(number)) for number in range(2)]
    said = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sum("Creating .venv" in errors for _, errors in said) == 1


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
    assert f"{settings.ROOT} is not writable for this user" in capsys.readouterr().err


def script(file: Path, lines: str) -> Path:
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"#!/bin/sh\n{lines}\n")
    file.chmod(0o755)
    return file


def recording(file: Path, record: Path) -> Path:
    """A Python that notes in `record` that it was asked to install."""
    lines = f'case $* in *install.py*) echo "{file}" >> "{record}" ;; esac\n'
    return script(file, f'{lines}exec "{os.path.realpath(sys.executable)}" "$@"')


def test_the_distributions_python_comes_before_the_others_in_path(
    checkout: Path, tools: Path, tmp_path: Path
) -> None:
    wallet = (checkout / "wallet").read_text()
    (checkout / "wallet").write_text(wallet.replace("/usr/bin", str(tmp_path / "distribution")))
    record = tmp_path / "record"
    (tools / "python3").unlink()
    recording(tmp_path / "manager" / "python3.14", record)
    of_the_distribution = recording(tmp_path / "distribution" / "python3", record)
    path = f"{tmp_path / 'manager'}:{tools}:{tmp_path / 'distribution'}"
    done = run(checkout / "wallet", tools, PATH=path)
    assert done.returncode == 0, done.stderr
    assert record.read_text().splitlines() == [str(of_the_distribution)]


def test_a_distributions_python_that_is_too_old_is_passed_over(
    checkout: Path, tools: Path, tmp_path: Path
) -> None:
    wallet = (checkout / "wallet").read_text()
    (checkout / "wallet").write_text(wallet.replace("/usr/bin", str(tmp_path / "distribution")))
    script(tmp_path / "distribution" / "python3", "exit 1")
    done = run(checkout / "wallet", tools, PATH=f"{tools}:{tmp_path / 'distribution'}")
    assert done.returncode == 0, done.stderr
    assert f"Creating .venv with {tools}/python3" in done.stderr


def test_wallet_python_overrides_the_choice(checkout: Path, tools: Path, tmp_path: Path) -> None:
    record = tmp_path / "record"
    chosen = recording(tmp_path / "a folder" / "my python", record)
    done = run(checkout / "wallet", tools, WALLET_PYTHON=str(chosen))
    assert done.returncode == 0, done.stderr
    assert record.read_text().splitlines() == [str(chosen)]


def test_a_wallet_python_that_will_not_do_is_refused(checkout: Path, tools: Path) -> None:
    old = script(checkout.parent / "old" / "python3", "exit 1")
    for wrong in (str(old), "/nowhere/python3", "no-such-python"):
        done = run(checkout / "wallet", tools, WALLET_PYTHON=wrong)
        assert done.returncode == 1
        assert done.stderr.startswith(f"WALLET_PYTHON is {wrong}, which is not a Python 3.11")
        assert len(done.stderr.splitlines()) == 1
    assert not (checkout / ".venv").exists()
