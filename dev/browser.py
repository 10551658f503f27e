"""Chromium for the browser tests: an installed one, or Debian's package if it can be installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from dev import processes
from dev.processes import ServiceError

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MACOS = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
INSTALL_SECONDS = 600
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


def install_chromium(tell: Callable[[str], None]) -> None:
    """Install Debian's package if there is no Chromium and we may; `chromium_path` tells the result."""
    try:
        chromium_path()
    except ServiceError:
        apt = shutil.which("apt-get")
        if apt is None or os.geteuid() != 0:
            return
        tell("Installing Chromium for the browser tests")
        quiet = {**processes.network_environment(), "DEBIAN_FRONTEND": "noninteractive"}
        for arguments in (["update"], ["install", "-y", "--no-install-recommends", "chromium"]):
            try:
                subprocess.run(  # noqa: S603
                    [apt, "-q", *arguments],
                    env=quiet,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    timeout=INSTALL_SECONDS,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                return
