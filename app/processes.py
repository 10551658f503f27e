"""The processes of production: the API, the relay and the worker."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from app.caught_mails import Mails
from app.importing import importing
from app.telemetry import logs, tracing
from application.webhook_payloads import Documents
from persistence.engine.database import Database
from settings import Settings

if TYPE_CHECKING:
    from app.telemetry.spans import Tracing


def serve(settings: Settings, host: str, port: int, mails: Mails | None = None) -> int:
    """Serve the API until SIGTERM or SIGINT, then finish the requests in progress; returns the exit status.

    `mails` reads the caught mails of `up`, which are shown to anyone.
    """
    with importing():
        from app import server

    logs.configure(settings.log_level)
    with _traced("serve", settings) as traced:
        return server.run(settings, host, port, mails, traced)


def relay(settings: Settings) -> int:
    """Publish committed events until SIGTERM or SIGINT; returns the exit status. Raises SettingsError."""
    with importing():
        from jobs import relay as process
        from jobs.spans import NO_SPANS

    logs.configure(settings.log_level)
    with _traced("relay", settings) as traced:
        return process.main(settings, traced or NO_SPANS)


def worker(
    settings: Settings, *, queues: Sequence[str] | None = None, retry_failed: bool = False
) -> int:
    """Run jobs from those queues, or from all, until SIGTERM or SIGINT; returns the exit status.

    Raises ValueError for an unknown queue.
    """
    with importing():
        from jobs import reactions
        from jobs import worker as process
        from jobs.spans import NO_SPANS

    chosen = reactions.QUEUES if queues is None else queues
    if not chosen or not set(chosen) <= set(reactions.QUEUES):
        raise ValueError(
            f"--queues takes one or more of {', '.join(reactions.QUEUES)}, separated by commas."
        )
    logs.configure(settings.log_level)
    with _traced("worker", settings) as traced:
        return process.main(
            settings,
            partial(_webhook_documents, settings),
            queues=chosen,
            retry_failed=retry_failed,
            spans=traced or NO_SPANS,
        )


@contextlib.contextmanager
def _traced(process: str, settings: Settings) -> Iterator[Tracing | None]:
    """Trace the process, if that is configured. Raises SettingsError."""
    begun = tracing.start(process, settings)
    try:
        yield begun
    finally:
        if begun is not None:
            begun.close()


def _webhook_documents(settings: Settings, database: Database) -> Documents:
    # The schema takes time to build, and most workers never need it.
    from app.webhook_documents import WebhookDocuments

    return WebhookDocuments.of(settings, database)
