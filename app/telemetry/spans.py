"""Spans for OpenTelemetry, exported over OTLP: imported only in processes that are traced.

Spans tell which operation, how many, how long and whether it failed. They contain no amounts, names, notes,
addresses, tokens, variables or texts of errors.
"""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from functools import partial
from typing import Any, Self

import structlog
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain import events
from domain.ledger.decisions import Command
from graphql_server import errors, facts
from graphql_server.documents import Operation
from graphql_server.execution import Engine, Event
from graphql_server.requests import GraphQLRequest
from graphql_server.service import Context as RequestContext
from jobs.kinds import Job
from jobs.spans import ContextOf
from persistence.delivery.outbox import OutboxRow
from persistence.ledger.ledger import Ledger, Movement, Result
from persistence.ledger.shared_commits import SharedCommits

#: How long the end of a process waits for the export of the last spans.
_CLOSING_SECONDS = 3.0
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
#: Asked by machines every few seconds.
_QUIET_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})
#: The codes of errors that are the service's own.
_FAULTS = frozenset({"INTERNAL", "UNAVAILABLE"})


class Tracing:
    """The spans of one process."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self.tracer = provider.get_tracer("mini-wallet")
        self.engine: Callable[..., Engine] = partial(TracedEngine, self.tracer)
        self.ledger = TracedLedger
        self.commits: Callable[..., SharedCommits] = partial(TracedCommits, self.tracer)

    @classmethod
    def open(cls, process: str) -> Self:
        """Everything else, such as the endpoint, is read from the standard variables."""
        resource = Resource.create({"wallet.process": process})
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        # Spans wait in a bounded queue and are sent by a thread: a dead collector delays nothing.
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        return cls(provider)

    def close(self) -> None:
        """Export what is left, for a few seconds at most."""
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(_CLOSING_SECONDS)

    def requests(self, app: ASGIApp, route_of: Callable[[str], str]) -> ASGIApp:
        """The application with a span around each HTTP request."""
        return TracedRequests(self.tracer, app, route_of)

    def traceparent(self) -> str | None:
        """The current context as W3C's `traceparent`; None outside of a trace."""
        return _traceparent(trace.get_current_span())

    # ------------------------------------------------ after the commit

    @contextlib.contextmanager
    def relaying(self, rows: Sequence[OutboxRow]) -> Iterator[ContextOf]:
        """A span for each row that has a context; a job belongs to the last row that may have caused it."""
        by_id: dict[str, Span] = {}
        spans = []
        for row in rows:
            parent = _parsed(row.traceparent)
            if parent is None:
                continue
            span = self.tracer.start_span(
                f"relay {type(row.event).__name__}",
                context=_context(parent),
                kind=SpanKind.PRODUCER,
            )
            spans.append(span)
            # A job's arguments are the id of its user and, of mails, the id of the mail.
            is_mail = isinstance(row.event, events.MailRequested)
            by_id[str(row.event.mail_id if is_mail else row.user_id)] = span  # type: ignore[union-attr]

        def context_of(job: Job) -> str | None:
            found = [by_id[each] for each in reversed(job.arguments) if each in by_id]
            return _traceparent(found[0]) if found else None

        try:
            yield context_of
        except BaseException as error:
            for span in spans:
                _fail(span, type(error).__name__)
            raise
        finally:
            for span in spans:
                span.end()

    @contextlib.contextmanager
    def working(self, kind: str, traceparent: str | None) -> Iterator[Callable[[], None]]:
        """A span for a job."""
        with self.tracer.start_as_current_span(
            f"job {kind}", context=_context(_parsed(traceparent)), kind=SpanKind.CONSUMER
        ) as span:
            yield partial(_fail, span, "failed")

    @contextlib.contextmanager
    def delivering(self, receiver: str, events: int) -> Iterator[Callable[[], None]]:
        """A span for a delivery."""
        with _quiet(self.tracer, f"deliver {receiver}", kind=SpanKind.CLIENT) as span:
            span.set_attribute("wallet.events", events)
            yield partial(_fail, span, "NotAccepted")


class TracedRequests:
    """Pure ASGI. Continues the trace of a client that sends `traceparent`."""

    def __init__(self, tracer: trace.Tracer, app: ASGIApp, route_of: Callable[[str], str]) -> None:
        self._tracer = tracer
        self._app = app
        self._route_of = route_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _QUIET_PATHS:
            await self._app(scope, receive, send)
            return
        route = self._route_of(scope["path"])
        parent = _parsed(facts.header(scope["headers"], b"traceparent"))
        with _quiet(
            self._tracer,
            f"{scope['method']} {route}",
            context=_context(parent),
            kind=SpanKind.SERVER,
        ) as span:
            span.set_attribute("http.request.method", scope["method"])
            span.set_attribute("http.route", route)
            trace_id = f"{span.get_span_context().trace_id:032x}"
            structlog.contextvars.bind_contextvars(trace_id=trace_id)

            async def send_noting(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                    if message["status"] >= 500:
                        _fail(span, str(message["status"]))
                await send(message)

            await self._app(scope, receive, send_noting)


class TracedEngine(Engine):
    """A span around each operation, and around the beginning of each subscription."""

    def __init__(self, tracer: trace.Tracer, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._tracer = tracer

    async def execute(
        self, operation: Operation, request: GraphQLRequest, context: RequestContext
    ) -> dict[str, Any]:
        with self._span(operation) as span:
            answer = await super().execute(operation, request, context)
            if "errors" in answer:
                _note_codes(span, answer["errors"])
            return answer

    async def subscribe(
        self, operation: Operation, request: GraphQLRequest, context: RequestContext
    ) -> AsyncGenerator[Event, None]:
        with self._span(operation):
            return await super().subscribe(operation, request, context)

    @contextlib.contextmanager
    def _span(self, operation: Operation) -> Iterator[Span]:
        # Names that the schema has: that of the operation itself is the client's own text.
        fields = ",".join(sorted(operation.root_fields)) or "__typename"
        with _quiet(self._tracer, f"{operation.kind.value} {fields}") as span:
            span.set_attribute("graphql.operation.type", operation.kind.value)
            try:
                yield span
            except errors.RequestError as error:
                _note_codes(span, error.errors)
                raise


class TracedLedger(Ledger):
    """A span around each commit, linked to every operation that shares it."""

    #: Set by the commits that use it.
    tracer: trace.Tracer

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        #: The operation that each command belongs to, by the command's identity.
        self.operations: dict[int, SpanContext] = {}

    async def settle_in_task(self, commands: Sequence[Command]) -> list[Result]:
        found = [self.operations.get(id(command)) for command in commands]
        operations = [each for each in found if each is not None and each.is_valid]
        with _quiet(
            self.tracer,
            "settlement",
            context=_context(operations[0] if operations else None),
            links=[Link(each) for each in operations],
        ) as span:
            span.set_attribute("wallet.commands", len(commands))
            return await super().settle_in_task(commands)


class TracedCommits(SharedCommits):
    """Remembers which operation each command belongs to until it has its outcome."""

    def __init__(self, tracer: trace.Tracer, ledger: TracedLedger, **named: Any) -> None:
        super().__init__(ledger, **named)
        ledger.tracer = tracer
        self._operations = ledger.operations

    async def run(self, command: Command) -> Movement | None:
        self._operations[id(command)] = trace.get_current_span().get_span_context()
        try:
            return await super().run(command)
        finally:
            del self._operations[id(command)]


def _quiet(tracer: trace.Tracer, name: str, **given: Any) -> Any:
    """A current span that keeps the name of what was raised in it, and not its text."""
    return _quietly(tracer, name, given)


@contextlib.contextmanager
def _quietly(tracer: trace.Tracer, name: str, given: dict[str, Any]) -> Iterator[Span]:
    with tracer.start_as_current_span(
        name, record_exception=False, set_status_on_exception=False, **given
    ) as span:
        try:
            yield span
        except errors.RequestError:
            raise
        except BaseException as error:
            _fail(span, type(error).__name__)
            raise


def _fail(span: Span, kind: str) -> None:
    span.set_attribute("error.type", kind)
    span.set_status(Status(StatusCode.ERROR))


def _note_codes(span: Span, formatted: Sequence[dict[str, Any]]) -> None:
    codes = [error["extensions"]["code"] for error in formatted]
    span.set_attribute("wallet.codes", codes)
    if not _FAULTS.isdisjoint(codes):
        _fail(span, codes[0])


def _traceparent(span: Span) -> str | None:
    context = span.get_span_context()
    if not context.is_valid:
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def _parsed(traceparent: str | None) -> SpanContext | None:
    """The context in a `traceparent`; None for one that is empty, malformed or of another version."""
    found = None if traceparent is None else _TRACEPARENT.fullmatch(traceparent)
    if found is None:
        return None
    context = SpanContext(
        int(found[1], 16),
        int(found[2], 16),
        is_remote=True,
        trace_flags=TraceFlags(int(found[3], 16)),
    )
    return context if context.is_valid else None


def _context(parent: SpanContext | None) -> Context:
    """The context of a span with that parent, or of the first span of a trace."""
    if parent is None:
        return Context()
    return trace.set_span_in_context(NonRecordingSpan(parent), Context())
