"""The outermost layer of every request: request id, client address, security headers, access log."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from types import TracebackType

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http import replies
from app.http.hosts import Hosts
from app.telemetry import logs
from app.telemetry.metrics import Metrics
from graphql_server import facts
from graphql_server.service import Header
from settings import Settings

log = structlog.get_logger(__name__)

STRICT_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    b"font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    b"frame-ancestors 'none'"
)
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
]
_TRANSPORT_SECURITY = (b"strict-transport-security", b"max-age=63072000; includeSubDomains")
#: Polled by monitoring every few seconds: logged only on errors.
_QUIET_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})
#: The status that is logged for a client that disconnected before the response.
CLIENT_CLOSED = 499


class Envelope:
    """The outermost layer. Pure ASGI, so that streams are not buffered."""

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        hosts: Hosts,
        metrics: Callable[[], Metrics],
        route_of: Callable[[str], str],
    ) -> None:
        self._app = app
        self._proxies = settings.proxy_networks
        self._headers = [*_HEADERS, (b"content-security-policy", STRICT_POLICY)]
        if settings.secure_cookies:
            self._headers.append(_TRANSPORT_SECURITY)
        self._names = frozenset(name for name, _ in self._headers)
        self._hosts = hosts
        self._metrics = metrics
        self._route_of = route_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        known = self.open(scope)
        with self.passage(scope) as passage:

            async def send_in_envelope(message: Message) -> None:
                kind = message["type"]
                if kind in ("http.response.start", "websocket.http.response.start"):
                    passage.status = message["status"]
                    given = message["headers"]
                    message["headers"] = [
                        *given,
                        *self.missing([name for name, _ in given]),
                        (b"x-request-id", known.request_id.encode()),
                    ]
                elif kind == "websocket.accept":
                    passage.status = 101
                    message["headers"] = [
                        *message.get("headers", ()),
                        (b"x-request-id", known.request_id.encode()),
                    ]
                await send(message)

            refusal = self.refuse(scope)
            if refusal is None:
                await self._app(scope, receive, send_in_envelope)
            else:
                answer = replies.refusal(*refusal, "BAD_USER_INPUT")
                await answer(scope, receive, send_in_envelope)

    def open(self, scope: Scope) -> facts.RequestFacts:
        """The facts of the request, in its scope from now on."""
        known: facts.RequestFacts | None = scope.get("facts")
        if known is None:
            known = scope["facts"] = facts.of(scope, self._proxies)
        return known

    def refuse(self, scope: Scope) -> tuple[int, str] | None:
        """The status and the sentence to refuse the request with; None to serve it."""
        return self._hosts.refuse(scope["facts"].headers, scope.get("http_version"))

    def missing(self, given: Collection[bytes]) -> Sequence[Header]:
        """The security headers that an answer with those headers does not have yet."""
        if self._names.isdisjoint(given):
            return self._headers
        return [pair for pair in self._headers if pair[0] not in given]

    def passage(self, scope: Scope) -> Passage:
        """The time in which the opened request is served: it is measured and logged at the end."""
        return Passage(scope, self._finish)

    def _finish(self, scope: Scope, status: int, seconds: float) -> None:
        path: str = scope["path"]
        method = scope.get("method", "WEBSOCKET")
        if scope["type"] == "http":
            self._metrics().request(self._route_of(path), status, seconds)
        if path in _QUIET_PATHS and status < 400:
            return
        known: facts.RequestFacts = scope["facts"]
        logs.access.served(
            {
                "method": method,
                "path": path[:200],
                "status": status,
                "milliseconds": round(seconds * 1000, 1),
                "client": known.client_ip,
                **known.logged,
            }
        )


class Passage:
    """Serves as the context manager in which one request is served."""

    # For every request: a generator as a context manager would take three times as long.
    __slots__ = ("_began", "_finish", "_scope", "status")

    def __init__(self, scope: Scope, finish: Callable[[Scope, int, float], None]) -> None:
        self._scope = scope
        self._finish = finish
        #: The status of the response, once it is known.
        self.status = CLIENT_CLOSED

    def __enter__(self) -> Passage:
        structlog.contextvars.bind_contextvars(request_id=self._scope["facts"].request_id)
        self._began = time.perf_counter()
        return self

    def __exit__(
        self, _kind: object, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        if isinstance(error, Exception):
            if self.status == CLIENT_CLOSED:
                self.status = 500
            log.error("request failed", path=self._scope["path"], exc_info=error)
        self._finish(self._scope, self.status, time.perf_counter() - self._began)
