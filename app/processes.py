"""The processes of production: the API, the relay and the worker."""

from __future__ import annotations

from collections.abc import Sequence

from app.caught_mails import Mails
from app.telemetry import logs
from settings import Settings


def serve(settings: Settings, host: str, port: int, mails: Mails | None = None) -> int:
    """Serve the API until SIGTERM or SIGINT, then finish the requests in progress; returns the exit status.

    `mails` reads the caught mails of `up`, which are shown to anyone.
    """
    from app import server

    logs.configure(settings.log_level)
    return server.run(settings, host, port, mails)


def relay(settings: Settings) -> int:
    """Publish committed events until SIGTERM or SIGINT; returns the exit status."""
    from jobs import relay as process

    logs.configure(settings.log_level)
    return process.main(settings)


def worker(
    settings: Settings, *, queues: Sequence[str] | None = None, retry_failed: bool = False
) -> int:
    """Run jobs from those queues, or from all, until SIGTERM or SIGINT; returns the exit status.

    Raises ValueError for an unknown queue.
    """
    from jobs import reactions
    from jobs import worker as process

    chosen = reactions.QUEUES if queues is None else queues
    if not chosen or not set(chosen) <= set(reactions.QUEUES):
        raise ValueError(
            f"--queues takes one or more of {', '.join(reactions.QUEUES)}, separated by commas."
        )
    logs.configure(settings.log_level)
    return process.main(settings, queues=chosen, retry_failed=retry_failed)
