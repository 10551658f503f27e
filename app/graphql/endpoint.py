"""The address /graphql: which transport a request is for, and from which pages it may come."""

from __future__ import annotations

from collections.abc import Callable

import orjson
import structlog
from starlette.types import Message, Receive, Scope, Send

from app.graphql import http, sse, websocket
from app.graphql.execution import Engine
from app.http import facts
from app.http.origins import Origins

log = structlog.get_logger(__name__)

_PREFLIGHT_SECONDS = 7200
_ALLOWED_HEADERS = "authorization, content-type, accept, last-event-id, x-request-id"


class Endpoint:
    """One ASGI application for POST, GET, OPTIONS and WebSockets."""

    def __init__(
        self,
        engine: Engine,
        origins: Origins,
        *,
        hardened: bool,
        playground: Callable[[], tuple[bytes, bytes] | None],
    ) -> None:
        self._engine = engine
        self._origins = origins
        self._methods = ("POST",) if hardened else ("GET", "POST")
        #: The playground's page and its Content-Security-Policy; None where it is not built.
        self._playground = None if hardened else playground

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        origin = facts.header(scope["headers"], b"origin")
        is_allowed = origin is None or self._origins.allow(
            origin, facts.header(scope["headers"], b"host")
        )
        if scope["type"] == "websocket":
            if not is_allowed:
                await _refuse_socket(send)
                return
            await websocket.Connection(self._engine, scope, receive, send).run()
            return
        if origin is not None and is_allowed:
            send = _with_cors(send, origin)
        if scope["method"] == "OPTIONS":
            await self._answer_options(scope, send, is_allowed=is_allowed)
        elif scope["method"] not in self._methods:
            await self._refuse_method(send)
        else:
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        accept = facts.header(scope["headers"], b"accept")
        if (
            scope["method"] == "GET"
            and self._playground is not None
            and b"query=" not in scope["query_string"]
            and http.negotiate(accept, html=True) == http.HTML
        ):
            await self._show_playground(send)
        elif http.negotiate(accept) == http.EVENT_STREAM:
            await sse.answer(self._engine, scope, receive, send)
        else:
            await http.answer(self._engine, scope, receive, send)

    async def _show_playground(self, send: Send) -> None:
        assert self._playground is not None
        built = self._playground()
        if built is None:
            text = (
                "The playground is not built: run `npm ci` and `npm run build` in client/playground, "
                "or start the service with `./wallet up`. The API itself is here by POST.\n"
            )
            await http.respond(send, 404, "text/plain; charset=utf-8", text.encode(), [])
            return
        page, policy = built
        headers = [(b"content-security-policy", policy)]
        await http.respond(send, 200, "text/html; charset=utf-8", page, headers)

    async def _answer_options(self, scope: Scope, send: Send, *, is_allowed: bool) -> None:
        if facts.header(scope["headers"], b"access-control-request-method") is None:
            await http.respond(send, 204, "text/plain", b"", [(b"allow", self._allow())])
            return
        if not is_allowed:
            text = b"This service does not talk to pages of that origin: see ALLOWED_ORIGINS.\n"
            await http.respond(send, 403, "text/plain; charset=utf-8", text, [])
            return
        headers = [
            (b"access-control-allow-methods", b", ".join(m.encode() for m in self._methods)),
            (b"access-control-allow-headers", _ALLOWED_HEADERS.encode()),
            (b"access-control-max-age", str(_PREFLIGHT_SECONDS).encode()),
        ]
        await http.respond(send, 204, "text/plain", b"", headers)

    async def _refuse_method(self, send: Send) -> None:
        message = f"This address takes {' and '.join(self._methods)}."
        body = {"errors": [{"message": message, "extensions": {"code": "BAD_USER_INPUT"}}]}
        headers = [(b"allow", self._allow())]
        await http.respond(send, 405, f"{http.JSON}; charset=utf-8", orjson.dumps(body), headers)

    def _allow(self) -> bytes:
        return ", ".join((*self._methods, "OPTIONS")).encode()


def _with_cors(send: Send, origin: str) -> Send:
    headers = [
        (b"access-control-allow-origin", origin.encode("latin-1")),
        (b"access-control-allow-credentials", b"true"),
        (b"access-control-expose-headers", b"x-request-id, retry-after"),
        # Who may read it is said above.
        (b"cross-origin-resource-policy", b"cross-origin"),
    ]

    async def send_with_cors(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *headers]
        await send(message)

    return send_with_cors


async def _refuse_socket(send: Send) -> None:
    body = b"This service does not talk to pages of that origin: see ALLOWED_ORIGINS.\n"
    await send(
        {
            "type": "websocket.http.response.start",
            "status": 403,
            "headers": [
                (b"content-type", b"text/plain; charset=utf-8"),
                (b"content-length", str(len(body)).encode()),
            ],
        }
    )
    await send({"type": "websocket.http.response.body", "body": body})
