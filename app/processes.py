"""The processes of production: the API, the relay and the worker."""

from __future__ import annotations

from pathlib import Path

from app.telemetry import logs
from settings import Settings


def serve(settings: Settings, host: str, port: int, mails: Path | None = None) -> int:
    """Serve the API until SIGTERM or SIGINT, finish what is under way; the exit status.

    `mails` is where the mail catcher of `up` keeps what it caught: everybody is shown it.
    """
    from app import server

    logs.configure(settings.log_level)
    return server.run(settings, host, port, mails)


def relay(settings: Settings) -> int:
    """Pass on what was committed, until SIGTERM or SIGINT; the exit status."""
    from jobs import relay as process

    logs.configure(settings.log_level)
    return process.main(settings)


def worker(settings: Settings, *, retry_failed: bool = False) -> int:
    """Do the jobs, until SIGTERM or SIGINT; the exit status."""
    from jobs import worker as process

    logs.configure(settings.log_level)
    return process.main(settings, retry_failed=retry_failed)
