"""The user who runs PostgreSQL, which refuses to run as root, and what that user can access."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from dev import processes
from dev.processes import LAUNCHER, Identity, ServiceError

#: Where root keeps copies of files that an unprivileged user needs and cannot access in their place.
SYSTEM_FOLDER = Path("/var/lib/mini-wallet")


def identity_for(data: Path) -> Identity | None:
    """The user to switch to as root: the owner of the data, or else `nobody`. None if not root."""
    if os.geteuid() != 0:
        return None
    owner = data.stat().st_uid if data.exists() else 0
    if owner != 0:
        try:
            known = pwd.getpwuid(owner)
        except KeyError:
            raise ServiceError(
                f"{data} belongs to user {owner}, who does not exist on this machine: change its owner to "
                "`nobody`, or choose another --data."
            ) from None
        return Identity(known.pw_uid, known.pw_gid, known.pw_name)
    for candidate in sorted(pwd.getpwall(), key=lambda entry: entry.pw_name != "nobody"):
        if candidate.pw_uid != 0:
            return Identity(candidate.pw_uid, candidate.pw_gid, candidate.pw_name)
    raise ServiceError(
        "PostgreSQL refuses to run as root, and this machine has no other user: add one, or set "
        "DATABASE_URL."
    )


def can_pass(folder: Path, identity: Identity | None) -> bool:
    """Whether that user can enter the folder; tried as that user."""
    return can_run(["/bin/sh", "-c", 'cd "$1"', "sh", folder], identity)


def can_run(command: Sequence[str | Path], identity: Identity | None) -> bool:
    """Whether a short command succeeds when that user runs it."""
    uid, gid = (-1, -1) if identity is None else (identity.uid, identity.gid)
    facts = [str(number) for number in (os.getpid(), 9, uid, gid)]
    done = subprocess.run(  # noqa: S603 - our own programs.
        [sys.executable, "-I", "-S", LAUNCHER, *facts, *command],
        cwd="/",
        env=processes.minimal_environment(),
        capture_output=True,
        check=False,
    )
    return done.returncode == 0


def private_folder(identity: Identity | None, prefix: str) -> Path:
    """A new folder with a short path that only that user (and root) can access."""
    base = "/tmp" if Path("/tmp").is_dir() else None  # noqa: S108 - mkdtemp makes it safely.
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=base))
    give(folder, identity)
    return folder


def give(path: Path, identity: Identity | None) -> None:
    """Make that user the owner of a file or folder that was just created."""
    if identity is not None:
        os.chown(path, identity.uid, identity.gid)


def make_passable(folder: Path) -> Path:
    """Create the folder and its missing parents; other users can enter but not list them."""
    if not folder.exists():
        make_passable(folder.parent)
        folder.mkdir(mode=0o711)
        folder.chmod(0o711)
    return folder


def copy_for_all(source: Path, target: Path) -> None:
    """Copy a folder so that all users can read it; completely or not at all."""
    incomplete = target.with_name(target.name + ".incomplete")
    shutil.rmtree(incomplete, ignore_errors=True)
    shutil.copytree(source, incomplete, symlinks=True)
    for folder, _, files in os.walk(incomplete):
        Path(folder).chmod(0o755)
        for name in files:
            file = Path(folder) / name
            if not file.is_symlink():
                file.chmod(0o755 if file.stat().st_mode & 0o100 else 0o644)
    incomplete.replace(target)
