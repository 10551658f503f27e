"""Chromium for the browser tests: an installed one, or Debian's packages if they can be installed."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from dev import processes
from dev.processes import ServiceError

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
#: Chromium without windows and settings: the same engine, with a third less processor time for a page.
SHELL = "chromium-headless-shell"
MACOS = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
INSTALL = ("install", "-y", "--no-install-recommends", "--no-remove")
INSTALL_SECONDS = 600
#: Without a network, apt would try for minutes.
BRIEFLY = ("-o", "Acquire::Retries=0", "-o", "Acquire::http::Timeout=10")
#: Without a screen, without requests to other hosts, and usable in containers.
ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
)


def chromium_path() -> Path:
    """The browser to use. Raises `ServiceError` with a sentence that says how to get one."""
    for name in NAMES:
        if found := shutil.which(name):
            return Path(found)
    if MACOS.exists():
        return MACOS
    raise ServiceError(
        "No Chromium was found for the browser tests: install it (Debian, Ubuntu: "
        "apt-get install chromium; macOS: Google Chrome) and try again."
    )


def headless_path() -> Path:
    """The headless shell if it is installed, otherwise a whole browser. Raises as `chromium_path`."""
    found = shutil.which(SHELL)
    return Path(found) if found else chromium_path()


def install_chromium(tell: Callable[[str], None]) -> None:
    """Install the Debian packages that are missing, if we may; the paths tell the result."""
    missing = [SHELL] if shutil.which(SHELL) is None else []
    try:
        chromium_path()
    except ServiceError:
        missing.append("chromium")
    apt = shutil.which("apt-get")
    if not missing or apt is None or os.geteuid() != 0:
        return
    tell("Installing Chromium for the browser tests")
    _run(apt, "update")
    for package in missing:
        _run(apt, *INSTALL, package)


def _run(apt: str, *arguments: str) -> None:
    """Run apt-get; what it could not do shows afterwards."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(  # noqa: S603
            [apt, "-q", *BRIEFLY, *arguments],
            env={**processes.network_environment(), "DEBIAN_FRONTEND": "noninteractive"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=INSTALL_SECONDS,
            check=False,
        )
