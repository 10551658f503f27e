"""Creates `.venv` and installs the locked dependencies. `wallet` runs it before anything is installed.

`python -I -S dev/install.py run|dev`. It can use only the standard library. Copies of the lock files
in `.venv` record what was installed; `wallet` compares them.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
#: Exists during an installation: if the next one finds it, the last one was interrupted.
UNFINISHED = VENV / "installing"
LOCKS = {"run": ROOT / "requirements.lock", "dev": ROOT / "requirements-dev.lock"}
STAMPS = {"run": VENV / "installed.lock", "dev": VENV / "installed-dev.lock"}


class Failed(Exception):
    """The message is a sentence for the user at the terminal."""


def main(kind: str) -> int:
    try:
        with _alone():
            # Another `wallet` may have installed it while this one waited for the lock.
            if not _is_installed(kind):
                _install(kind)
    except Failed as failure:
        _print(str(failure))
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _install(kind: str) -> None:
    if UNFINISHED.exists():
        shutil.rmtree(VENV)
    _make_venv()
    UNFINISHED.touch()
    for stamp in STAMPS.values():
        stamp.unlink(missing_ok=True)
    count = len(re.findall(r"(?m)^[a-zA-Z0-9]", LOCKS[kind].read_text()))
    with _progress(f"Installing {count} locked packages into .venv"):
        _install_locked(LOCKS[kind])
    shutil.copyfile(LOCKS["run"], STAMPS["run"])
    if kind == "dev":
        shutil.copyfile(LOCKS["dev"], STAMPS["dev"])
    UNFINISHED.unlink()


def _is_installed(kind: str) -> bool:
    kinds = ["run", "dev"] if kind == "dev" else ["run"]
    return (
        _works([PYTHON, "-c", "pass"])
        and not UNFINISHED.exists()
        and all(
            STAMPS[each].exists() and STAMPS[each].read_bytes() == LOCKS[each].read_bytes()
            for each in kinds
        )
    )


def _make_venv() -> None:
    if _works([PYTHON, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]):
        return
    with _progress(f"Creating .venv with {sys.executable}"):
        made = _make_venv_of(sys.executable, shutil.which("uv"))
    if made.returncode != 0:
        raise Failed(f"Python could not create {VENV}:\n{made.stdout}")


def _make_venv_of(python: str, uv: str | None) -> subprocess.CompletedProcess[str]:
    shutil.rmtree(VENV, ignore_errors=True)
    VENV.mkdir()
    UNFINISHED.touch()
    if uv is not None:
        # Without this option, uv refuses a folder that is not empty.
        made = _run([uv, "venv", "-q", "--allow-existing", "--python", python, VENV])
        if made.returncode == 0:
            return made
    return _run([python, "-I", "-m", "venv", "--without-pip", VENV])


def _install_locked(lock: Path) -> None:
    """Install with uv, which takes seconds, or with pip if uv is unavailable or fails."""
    said = ""
    uv = shutil.which("uv") or _own_uv()
    if uv is not None:
        sync = [uv, "pip", "sync", "-q", "--python", PYTHON, "--require-hashes", lock]
        # Compile bytecode now: a later start may be by a user who cannot write it.
        done = _run([*sync, "--compile-bytecode"])
        if done.returncode == 0:
            return
        said = done.stdout
    if not _has_pip():
        raise Failed(f"The locked packages could not be installed:\n{said}")
    done = _run([PYTHON, "-m", "pip", "install", "-q", "--require-hashes", "-r", lock])
    if done.returncode != 0:
        raise Failed(f"The locked packages could not be installed:\n{said}{done.stdout}")


def _own_uv() -> Path | None:
    """The uv in the lock file, installed with pip if necessary; None if that fails."""
    uv = VENV / "bin" / "uv"
    if _works([uv, "--version"]):
        return uv
    found = re.search(r"(?m)^uv==.*\\\n(?:.*\\\n)*.*\n", LOCKS["run"].read_text())
    if found is None or (pip := _bundled_pip()) is None:
        return None
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as pinned:
        pinned.write(found.group())
        pinned.flush()
        options = ["-q", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
        _run([PYTHON, pip, "install", *options, "-r", pinned.name])
    return uv if _works([uv, "--version"]) else None


def _bundled_pip() -> Path | None:
    """The pip in the wheel of `ensurepip`. It runs without being installed, which would take seconds."""
    spec = importlib.util.find_spec("ensurepip")
    if spec is None or spec.origin is None:
        return None
    folder = sysconfig.get_config_var("WHEEL_PKG_DIR") or Path(spec.origin).with_name("_bundled")
    return next((wheel / "pip" for wheel in Path(folder).glob("pip-*.whl")), None)


def _has_pip() -> bool:
    return _works([PYTHON, "-m", "pip", "--version"]) or _works(
        [PYTHON, "-m", "ensurepip", "--default-pip"]
    )


def _run(command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
    # Variables for another Python or virtual environment would interfere.
    misleading = ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "CONDA_PREFIX")
    return subprocess.run(  # noqa: S603 - our own programs.
        command,
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name not in misleading},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def _works(command: Sequence[str | Path]) -> bool:
    try:
        return _run(command).returncode == 0
    except OSError:
        return False


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Allow one installation at a time in this checkout; the lock ends with the process."""
    if not os.access(ROOT, os.W_OK):
        raise Failed(
            f"{ROOT} is not writable for this user, and its .venv is missing or out of date: run "
            "./wallet as its owner, or from a copy of your own."
        )
    with LOCKS["run"].open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            _print("Waiting for another ./wallet to finish its installation …")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _progress(what: str) -> Iterator[None]:
    """Report what is in progress and for how long: in place on a terminal, otherwise every 15 seconds."""
    terminal = sys.stderr.isatty()
    over = threading.Event()
    start = time.monotonic()

    def report() -> None:
        while not over.wait(1 if terminal else 15):
            seconds = int(time.monotonic() - start)
            _print(f"\r{what} … {seconds} s" if terminal else f"{what} … {seconds} s", not terminal)

    _print(f"{what} …", not terminal)
    reporter = threading.Thread(target=report, daemon=True)
    reporter.start()
    try:
        yield
    finally:
        over.set()
        reporter.join()
        if terminal:
            _print("")


def _print(text: str, end_line: bool = True) -> None:
    print(text, end="\n" if end_line else "", file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
