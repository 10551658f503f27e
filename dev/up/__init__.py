"""`./wallet up`: the whole wallet on one machine, with production's own processes."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console

import settings
from dev import processes
from dev.processes import ServiceError
from dev.up import folder as folders
from dev.up.supervisor import Supervisor

FAILED = 1
USAGE = 2


def run(*, host: str, port: int, data: Path, demo: bool) -> int:
    """Start everything, watch it, and stop it; returns the exit status of the command."""
    console = Console(highlight=False, soft_wrap=True)
    try:
        _check_port(host, port)
        with folders.hold(data) as folder:
            return Supervisor(host, port, folder, demo=demo, console=console).run()
    except (folders.DataError, ServiceError) as error:
        sentence, status = str(error), FAILED
    except settings.SettingsError as error:
        sentence, status = str(error), USAGE
    print(sentence, file=sys.stderr)  # noqa: T201
    return status


def _check_port(host: str, port: int) -> None:
    try:
        taken = not processes.port_is_free(host, port) or processes.accepts_connections(host, port)
    except OSError as error:
        raise ServiceError(
            f"Nothing can listen on {host} port {port} ({error.strerror or error}): choose "
            "another --host or --port."
        ) from None
    if taken:
        raise ServiceError(
            f"Port {port} on {host} is taken by another program: stop it, or choose another --port."
        )
