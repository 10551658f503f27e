"""The folder of `up`: its lock, its secrets, and the environment that its processes are given."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from app.commands.services_of_up import ENVIRONMENT, LOCK
from dev import unprivileged

SECRETS = "secrets.json"


class DataError(Exception):
    """The folder cannot be used; the message is a sentence for the user at the terminal."""


@dataclass(frozen=True)
class Secrets:
    """Generated once per folder, and stored with mode 0600."""

    installation: str
    jwt_secret: str
    database_password: str
    superuser_password: str
    valkey_password: str
    pusher_app_id: str
    pusher_key: str
    pusher_secret: str
    metrics_token: str
    audit_key: str
    stripe_api_key: str
    stripe_webhook_secret: str


@contextlib.contextmanager
def hold(folder: Path) -> Iterator[Path]:
    """Create the folder if it is missing, and lock it. Raises `DataError`."""
    folder = folder.absolute()
    _make(folder)
    try:
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise DataError(f"{folder} cannot be used ({error.strerror}): choose another.") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise DataError(
            f"Another `./wallet up` is using {folder}: stop it, or choose another --data."
        ) from None
    try:
        yield folder
    finally:
        (folder / ENVIRONMENT).unlink(missing_ok=True)
        os.close(lock)


def _make(folder: Path) -> None:
    if folder.exists():
        if not folder.is_dir():
            raise DataError(f"{folder} is not a folder: choose another --data.")
        if any(folder.iterdir()) and not (folder / LOCK).exists():
            raise DataError(
                f"{folder} has files in it that are not a wallet's: choose an empty or new --data."
            )
        return
    try:
        if os.geteuid() == 0:
            # PostgreSQL, which then does not run as root, must be able to enter its own folder in here.
            unprivileged.make_passable(folder)
        else:
            folder.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise DataError(f"{folder} cannot be made ({error.strerror}): choose another.") from None


def keep_secrets(folder: Path) -> Secrets:
    """The folder's secrets; missing ones are generated."""
    file = folder / SECRETS
    try:
        known = json.loads(file.read_text()) if file.exists() else {}
    except ValueError:
        raise DataError(f"{file} is damaged: put a backup in its place.") from None
    new = {
        "installation": secrets.token_hex(8),
        "jwt_secret": secrets.token_urlsafe(48),
        "database_password": secrets.token_urlsafe(24),
        "superuser_password": secrets.token_urlsafe(24),
        "valkey_password": secrets.token_urlsafe(24),
        "pusher_app_id": str(100_000 + secrets.randbelow(900_000)),
        "pusher_key": secrets.token_hex(10),
        "pusher_secret": secrets.token_hex(20),
        "metrics_token": secrets.token_urlsafe(24),
        "audit_key": secrets.token_urlsafe(48),
        "stripe_api_key": f"sk_test_{secrets.token_hex(24)}",
        "stripe_webhook_secret": f"whsec_{secrets.token_hex(24)}",
    }
    kept = {name: known.get(name, value) for name, value in new.items()}
    if kept != known:
        write_private(file, json.dumps(kept, indent=2) + "\n")
    return Secrets(**kept)


def read_json(file: Path) -> object:
    """The contents of such a file; None if it is missing or damaged."""
    try:
        return json.loads(file.read_text())
    except (OSError, ValueError):
        return None


def write_private(file: Path, text: str) -> None:
    """Write the file atomically, readable only for its owner."""
    making = file.with_name(f"{file.name}.making")
    making.unlink(missing_ok=True)
    with open(making, "x", opener=lambda path, flags: os.open(path, flags, 0o600)) as output:
        output.write(text)
    making.replace(file)


def publish(folder: Path, environment: Mapping[str, str]) -> None:
    """Leave the environment for the commands that an operator runs beside `up`."""
    lines = [f"{name}={shlex.quote(value)}\n" for name, value in sorted(environment.items())]
    write_private(folder / ENVIRONMENT, "".join(lines))
