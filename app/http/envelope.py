"""What every request passes through: its id, its address, the security headers, the access log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http import replies
from app.http.hosts import Hosts
from app.telemetry.metrics import Metrics
from graphql_server import facts
from settings import Settings

log = structlog.get_logger("access")

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
#: Polled by machines every few seconds: logged only on errors.
_QUIET_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})
#: The status that is logged for a client that disconnected before the response.
CLIENT_CLOSED = 499


class Envelope:
    """Pure ASGI, so that streams are not buffered."""

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
        client = scope.get("client")
        known = facts.RequestFacts(
            facts.request_id(scope["headers"]),
            facts.client_ip(client[0] if client else None, scope["headers"], self._proxies),
        )
        scope["facts"] = known
        structlog.contextvars.bind_contextvars(request_id=known.request_id)
        began = time.perf_counter()
        status = CLIENT_CLOSED

        async def send_in_envelope(message: Message) -> None:
            nonlocal status
            kind = message["type"]
            if kind in ("http.response.start", "websocket.http.response.start"):
                status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    *self._missing([name for name, _ in message["headers"]]),
                    (b"x-request-id", known.request_id.encode()),
                ]
            elif kind == "websocket.accept":
                status = 101
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"x-request-id", known.request_id.encode()),
                ]
            await send(message)

        try:
            refusal = self._hosts.refuse(scope)
            if refusal is None:
                await self._app(scope, receive, send_in_envelope)
            else:
                answer = replies.refusal(*refusal, "BAD_USER_INPUT")
                await answer(scope, receive, send_in_envelope)
        except asyncio.CancelledError:
            raise
        except Exception:
            status = 500 if status == CLIENT_CLOSED else status
            log.exception("request failed", path=scope["path"])
            raise
        finally:
            self._finish(scope, known, status, time.perf_counter() - began)

    def _missing(self, given: list[bytes]) -> list[tuple[bytes, bytes]]:
        """The headers that an answer with those does not have yet."""
        if self._names.isdisjoint(given):
            return self._headers
        return [pair for pair in self._headers if pair[0] not in given]

    def _finish(self, scope: Scope, known: facts.RequestFacts, status: int, seconds: float) -> None:
        path: str = scope["path"]
        method = scope.get("method", "WEBSOCKET")
        if scope["type"] == "http":
            self._metrics().request(self._route_of(path), status, seconds)
        if path in _QUIET_PATHS and status < 400:
            return
        log.info(
            "request",
            method=method,
            path=path[:200],
            status=status,
            milliseconds=round(seconds * 1000, 1),
            client=known.client_ip,
            **known.logged,
        )
