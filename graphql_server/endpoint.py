"""The endpoint /graphql: selects the transport of a request, and limits open streams per client."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import cast

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

from graphql_server import errors, facts
from graphql_server.execution import Engine
from graphql_server.http import answering
from graphql_server.http.negotiation import JSON, negotiate
from graphql_server.service import Header, Origins, Quota
from graphql_server.websocket import connection

_RETRY_SECONDS = 10
_RETRY_AFTER: Header = (b"retry-after", b"%d" % _RETRY_SECONDS)
_TOO_MANY = "There are too many open streams from your address: close some, or try again later."
_TOO_MANY_OF_ACCOUNT = "This account has too many open streams: close some, or try again later."
_FULL = "The service has as many open streams as it can take: try again later."
_FOREIGN = "This service accepts no WebSockets from pages of that origin."

Serve = Callable[[Engine, Scope, Receive, Send], Awaitable[None]]


def methods(*, hardened: bool) -> tuple[str, ...]:
    """The methods of the endpoint."""
    return ("POST",) if hardened else ("GET", "HEAD", "POST")


class Endpoint:
    """One ASGI application for GET, HEAD, POST and WebSockets."""

    def __init__(
        self,
        engine: Engine,
        origins: Origins,
        streams: Quota,
        *,
        hardened: bool,
        page: ASGIApp | None = None,
    ) -> None:
        self._engine = engine
        self._origins = origins
        self._streams = streams
        self._methods = methods(hardened=hardened)
        #: The page for browsers that open the endpoint without a query.
        self._page = page

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        # No coroutine of its own, which every idle socket would keep.
        if scope["type"] == "websocket":
            return self._open_socket(scope, receive, send)
        if scope["method"] not in self._methods:
            message = f"This address takes {' and '.join(self._methods)}."
            headers = [(b"allow", ", ".join((*self._methods, "OPTIONS")).encode())]
            return _refuse(send, 405, message, errors.BAD_USER_INPUT, headers)
        # HEAD is answered as GET; the server omits the body.
        return self._answer(scope, receive, send)

    # Not a coroutine, which would add an await to every request.
    def answer_whole(self, scope: Scope, body: bytes) -> Awaitable[answering.Response | None]:
        """The response to a POST that has arrived completely and accepts no stream; None if the client has gone.

        For servers that can bypass ASGI.
        """
        # A stream is the answer only to a request that accepts one.
        answer = answering.answer(self._engine, scope, body)
        return cast("Awaitable[answering.Response | None]", answer)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["method"] != "POST"
            and self._page is not None
            and b"query=" not in scope["query_string"]
            and negotiate(scope["facts"].headers.first(b"accept")).prefers_html
        ):
            await self._page(scope, receive, send)
            return
        answer = await answering.answer(self._engine, scope, receive)
        if isinstance(answer, answering.Response):
            await answering.respond(send, answer)
        elif answer is not None:
            stream = answer
            caller = stream.context.principal
            account = None if caller is None else self._engine.service.account_of(caller)
            await self._keep_open(stream.serve, scope, receive, send, account=account)

    def _open_socket(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        origin = facts.header(scope["headers"], b"origin")
        host = facts.header(scope["headers"], b"host")
        if origin is not None and not self._origins.allow(origin, host):
            return _refuse(send, 403, _FOREIGN, "FORBIDDEN", [], kind="websocket.http")
        return self._keep_open(_serve_socket, scope, receive, send)

    async def _keep_open(
        self, serve: Serve, scope: Scope, receive: Receive, send: Send, account: str | None = None
    ) -> None:
        """Serve a long-lived connection, if the client and the account may have one more.

        The account of a WebSocket is known only later: it counts itself.
        """
        client = scope["facts"].client_ip
        kind = "websocket.http" if scope["type"] == "websocket" else "http"
        if self._streams.is_full:
            await _refuse(send, 503, _FULL, "UNAVAILABLE", [_RETRY_AFTER], kind=kind)
        elif not self._streams.take(client):
            retry = [_RETRY_AFTER, *_exhausted("streams.client", self._streams)]
            await _refuse(send, 429, _TOO_MANY, "RATE_LIMITED", retry, kind=kind)
        elif not self._engine.account_streams.take(account):
            self._streams.give_back(client)
            retry = [_RETRY_AFTER, *_exhausted("streams.account", self._engine.account_streams)]
            await _refuse(send, 429, _TOO_MANY_OF_ACCOUNT, "RATE_LIMITED", retry, kind=kind)
        else:
            try:
                await serve(self._engine, scope, receive, send)
            finally:
                self._engine.account_streams.give_back(account)
                self._streams.give_back(client)


def _exhausted(name: str, quota: Quota) -> list[Header]:
    """The headers `RateLimit-Policy` and `RateLimit` for a quota of which nothing is left."""
    policy = f'"{name}";q={quota.per_client};qu="concurrent-requests"'
    left = f'"{name}";r=0;t={_RETRY_SECONDS}'
    return [(b"ratelimit-policy", policy.encode()), (b"ratelimit", left.encode())]


def _serve_socket(engine: Engine, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
    return connection.Connection(engine, scope, receive, send).run()


async def _refuse(
    send: Send,
    status: int,
    message: str,
    code: str,
    headers: list[Header],
    *,
    kind: str = "http",
) -> None:
    extensions: dict[str, object] = {"code": code}
    if code == "RATE_LIMITED":
        extensions["retryAfterSeconds"] = _RETRY_SECONDS
    body = orjson.dumps({"errors": [{"message": message, "extensions": extensions}]})
    response = answering.Response(status, f"{JSON}; charset=utf-8", body, headers)
    await answering.respond(send, response, kind=kind)
