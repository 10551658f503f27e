"""Lets a command use the services of an `up` that is running on this machine."""

from __future__ import annotations

import fcntl
import os
import shlex
from pathlib import Path

from dotenv import dotenv_values

from settings import ROOT

#: Files in the folder of `up`: the environment of its processes, and the lock that it holds while it runs.
ENVIRONMENT = "env"
LOCK = "lock"


class NotRunning(Exception):
    """No services are configured; the message is a sentence that says what to do."""


def given() -> dict[str, str]:
    """The variables of the process environment, then of `.env`; empty values count as unset."""
    from_file = {name: value or "" for name, value in dotenv_values(ROOT / ".env").items()}
    return {name: value for name, value in {**from_file, **os.environ}.items() if value}


def use_if_needed(folder: Path) -> None:
    """Use the environment of the `up` that runs with that folder, unless DATABASE_URL is set.

    Raises `NotRunning`.
    """
    if "DATABASE_URL" in given():
        return
    folder = folder.absolute()
    if not _is_held(folder) or not (folder / ENVIRONMENT).exists():
        raise NotRunning(
            f"DATABASE_URL is not set, and no `./wallet up` is running on {folder}: start one in "
            "another terminal, or set DATABASE_URL (see .env.example)."
        )
    for line in shlex.split((folder / ENVIRONMENT).read_text()):
        name, _, value = line.partition("=")
        os.environ.setdefault(name, value)


def _is_held(folder: Path) -> bool:
    try:
        with (folder / LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
