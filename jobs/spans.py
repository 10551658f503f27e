"""What relays and workers tell a tracing system of; by default, nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from jobs.kinds import Job
from persistence.delivery.outbox import OutboxRow

#: The trace context that a job carries, by W3C's `traceparent`; None for a job without one.
ContextOf = Callable[[Job], str | None]


class Spans(Protocol):
    """Spans around steps after a commit. They contain no data of users but their ids."""

    def relaying(self, rows: Sequence[OutboxRow]) -> AbstractContextManager[ContextOf]:
        """While the rows lead to their consequences; gives the context of the jobs among these."""

    def working(
        self, kind: str, traceparent: str | None
    ) -> AbstractContextManager[Callable[[], None]]:
        """While a job of that kind runs; gives what to call if it failed."""

    def delivering(self, receiver: str, events: int) -> AbstractContextManager[Callable[[], None]]:
        """While so many events, or mails, are sent to a receiver of that kind; gives what to call if it
        did not accept them and nothing is raised.
        """


class NoSpans:
    """Spans of a process that is not traced."""

    def relaying(self, _rows: Sequence[OutboxRow]) -> AbstractContextManager[ContextOf]:
        return contextlib.nullcontext(no_context)

    def working(
        self, _kind: str, _traceparent: str | None
    ) -> AbstractContextManager[Callable[[], None]]:
        return contextlib.nullcontext(_nothing)

    def delivering(
        self, _receiver: str, _events: int
    ) -> AbstractContextManager[Callable[[], None]]:
        return contextlib.nullcontext(_nothing)


def no_context(_job: Job) -> None:
    """The job belongs to no trace."""


def _nothing() -> None:
    """Nobody is told."""


NO_SPANS: Spans = NoSpans()
