"""How long `./wallet up` takes in a new clone until it says that it is ready, and how long the second time.

Packages come from the caches of pip, uv and npm, if they are there: the first start of all fills them.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dev import node, processes
from settings import ROOT

#: What `up` prints once everything runs.
_READY = "Ready after"
_READY_SECONDS = 600
_BUILT_SECONDS = 600
#: Variables that configure the tools that install packages.
_TOOLS = ("PIP_", "UV_", "XDG_", "npm_config_", "NPM_CONFIG_", "NODE_", "WALLET_PYTHON")


@dataclass(frozen=True, slots=True)
class Started:
    """The seconds from the command until it was ready, by round."""

    first_seconds: Sequence[float]
    second_seconds: Sequence[float]


def measure(rounds: int) -> Started:
    """Start twice in a clone for each round. Raises RuntimeError or ServiceError if that fails.

    What is not committed is not in a clone.
    """
    first: list[float] = []
    second: list[float] = []
    for _ in range(rounds):
        folder = Path(tempfile.mkdtemp(prefix="mini-wallet-start-"))
        # PostgreSQL, which does not run as root, needs to traverse it.
        folder.chmod(0o755)
        try:
            clone = _clone(folder)
            first.append(_start(clone, until_built=True))
            second.append(_start(clone))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return Started(first, second)


def _clone(folder: Path) -> Path:
    clone = folder / "wallet"
    command = ["git", "clone", "--quiet", str(ROOT), str(clone)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{ROOT} cannot be cloned, in which to start: {done.stderr.strip()}")
    return clone


def _start(clone: Path, *, until_built: bool = False) -> float:
    """The seconds until it is ready; `until_built` lets it run until its pages are built too."""
    log = clone.parent / "up.log"
    log.unlink(missing_ok=True)
    began = time.monotonic()
    up = processes.spawn(
        "./wallet up",
        [clone / "wallet", "up", "--port", str(processes.free_port())],
        log=log,
        cwd=clone,
        env={**processes.network_environment(), **processes.minimal_environment(*_TOOLS)},
    )
    try:
        processes.wait_until(
            lambda: _READY in log.read_text(errors="replace"), up, _READY_SECONDS, up.name
        )
        seconds = time.monotonic() - began
        if until_built:
            pages = (clone / "client", clone / "client" / "playground")
            built = [page / "dist" / node.STAMP for page in pages]
            processes.wait_until(
                lambda: all(stamp.exists() for stamp in built), up, _BUILT_SECONDS, up.name
            )
    finally:
        up.stop(grace_seconds=60)
    return seconds
