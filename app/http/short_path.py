"""The short path: plain requests to the GraphQL API, without the task, messages and layers of ASGI.

A request is plain if it is a POST of known length that can be answered as soon as it has arrived, by one
response. All others, and those whose body is late, are served by the ASGI application. What both paths
have to check is checked by the same functions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, cast

from starlette.types import Scope
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import (
    HEADER_RE,
    HEADER_VALUE_RE,
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)
from uvicorn.server import ServerState

from app.http.cors import Cors
from app.http.envelope import Envelope
from graphql_server import bodies
from graphql_server.facts import RequestFacts
from graphql_server.http.answering import COMMON_HEADERS, Response
from graphql_server.http.negotiation import negotiate
from graphql_server.service import Header

#: A request with one of them needs more than its head and its body.
_UNUSUAL = frozenset({b"content-encoding", b"expect", b"transfer-encoding"})
_LENGTH_DIGITS = len(str(bodies.MAXIMUM_BYTES))
_CLOSE = b"connection: close\r\n"
#: What uvicorn sends where an application fails.
_FAILED = (
    STATUS_LINE[500] + b"content-type: text/plain; charset=utf-8\r\ncontent-length: 21\r\n",
    b"Internal Server Error",
)


class ShortPath:
    """Answers plain requests to one address."""

    def __init__(
        self,
        path: str,
        envelope: Envelope,
        cors: Cors,
        answer: Callable[[Scope, bytes], Awaitable[Response | None]],
    ) -> None:
        """`answer` answers a POST with that body, or returns None where the client has gone."""
        self._path = path
        #: What the request line has.
        self.target = path.encode()
        self._envelope = envelope
        self._cors = cors
        self._answer = answer
        self._common = _lines(COMMON_HEADERS)
        self._security_headers = envelope.missing(())
        self._security = _lines(self._security_headers)
        #: uvicorn replaces its default headers, which have the date, every second.
        self._default_headers: Sequence[Header] = ()
        self._default = b""

    def takes(self, scope: Scope) -> bool:
        """Whether a POST to the address is plain, by its headers. Determines its facts."""
        headers = self._envelope.open(scope).headers
        length = headers.first(b"content-length")
        return (
            headers.are_distinct
            and length is not None
            and len(length) <= _LENGTH_DIGITS
            and int(length) <= bodies.MAXIMUM_BYTES
            and _UNUSUAL.isdisjoint(headers.names())
            and not negotiate(headers.first(b"accept")).streams
            and self._envelope.refuse(scope) is None
        )

    def complete(self, scope: Any) -> Scope:
        """The scope of a request that it takes, with what uvicorn reads from the request line."""
        scope |= {
            "method": "POST",
            "path": self._path,
            "raw_path": self.target,
            "query_string": b"",
        }
        return cast("Scope", scope)

    async def serve(self, exchange: Exchange, default_headers: Sequence[Header]) -> None:
        """Answer the request of the exchange; the default headers are those of every response."""
        scope = exchange.scope
        with self._envelope.passage(scope) as passage:
            response = await self._answer(scope, exchange.body)
            if response is not None:
                passage.status = response.status
                await exchange.respond(self._head(scope, response, default_headers), response.body)

    def _head(self, scope: Scope, response: Response, default_headers: Sequence[Header]) -> bytes:
        known: RequestFacts = scope["facts"]
        if default_headers is not self._default_headers:
            self._default_headers, self._default = default_headers, _lines(default_headers)
        lines = self._security
        special = (*response.headers, *self._cors.headers_for(known.headers))
        if special:
            missing = self._envelope.missing([name for name, _ in special])
            if missing is not self._security_headers:
                lines = _lines(missing)
            lines = _lines(special) + lines
        return b"%b%bcontent-type: %b\r\ncontent-length: %d\r\n%b%bx-request-id: %b\r\n" % (
            STATUS_LINE[response.status],
            self._default,
            response.content_type.encode(),
            len(response.body),
            self._common,
            lines,
            known.request_id.encode(),
        )


class Exchange:
    """A plain request and its response, in the place of uvicorn's RequestResponseCycle."""

    __slots__ = (
        "_connection",
        "body",
        "disconnected",
        "keep_alive",
        "response_complete",
        "response_started",
        "scope",
    )

    class _Unawaited:
        """Nothing of the request is received later."""

        def set(self) -> None: ...

    message_event = _Unawaited()

    def __init__(self, connection: HttpToolsProtocol, scope: Scope, body: bytes) -> None:
        self._connection = connection
        self.scope = scope
        self.body = body
        self.disconnected = self.response_started = self.response_complete = False
        self.keep_alive = True

    async def run(self, short_path: ShortPath) -> None:
        """Answer the request, whatever happens."""
        connection = self._connection
        try:
            await short_path.serve(self, connection.server_state.default_headers)
        except BaseException as error:
            # As uvicorn does: its task must not end with an exception.
            connection.logger.error("Exception on the short path", exc_info=error)
            self.keep_alive = False
            if not self.response_started:
                await self.respond(*_FAILED)
        finally:
            # A done callback of the task would take another turn of the event loop.
            connection.tasks.discard(asyncio.current_task())

    async def respond(self, head: bytes, body: bytes) -> None:
        """Send the response; `head` lacks the empty line at its end."""
        connection = self._connection
        if connection.flow.write_paused and not self.disconnected:
            await connection.flow.drain()
        if self.disconnected:
            return
        self.response_started = self.response_complete = True
        closing = b"" if self.keep_alive else _CLOSE
        connection.transport.write(b"%b%b\r\n%b" % (head, closing, body))
        if not self.keep_alive:
            connection.transport.close()
        connection.on_response_complete()


class ShortPathProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which leaves plain requests to the short path."""

    def __init__(
        self,
        short_path: ShortPath | None,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, loop)
        self._short_path = short_path
        #: What has arrived of the body of a plain request; None while no such request is received.
        self.plain_body: bytes | None = None
        #: The request that is answered. `cycle` is the one received last, which may wait for its turn.
        self.answered: RequestResponseCycle | Exchange | None = None

    def hand_over(self) -> None:
        """Leave a plain request whose body is awaited to the ASGI application, which has deadlines."""
        if self.plain_body is None:
            return
        body, self.plain_body = self.plain_body, None
        super().on_headers_complete()
        if body:
            super().on_body(body)

    def on_headers_complete(self) -> None:
        if self._is_plain():
            self.plain_body = b""
        else:
            super().on_headers_complete()

    def _is_plain(self) -> bool:
        short_path, parser, cycle = self._short_path, self.parser, self.cycle
        return (
            short_path is not None
            and self.url == short_path.target
            and parser.get_method() == b"POST"
            and parser.get_http_version() == "1.1"
            and parser.should_keep_alive()
            and not parser.should_upgrade()
            and not self.flow.write_paused
            and (cycle is None or cycle.response_complete)
            and short_path.takes(self.scope)  # type: ignore[arg-type]
        )

    def on_body(self, body: bytes) -> None:
        if self.plain_body is None:
            super().on_body(body)
        else:
            self.plain_body += body

    def on_message_complete(self) -> None:
        if self.plain_body is None:
            super().on_message_complete()
            return
        assert self._short_path is not None
        body, self.plain_body = self.plain_body, None
        exchange = Exchange(self, self._short_path.complete(self.scope), body)
        self.cycle = self.answered = exchange  # type: ignore[assignment]
        task = self.loop.create_task(exchange.run(self._short_path))
        self.tasks.add(task)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self.answered = cycle
        super()._start_asgi_task(cycle, app)

    def shutdown(self) -> None:
        self.hand_over()
        super().shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        self.hand_over()
        super().connection_lost(exc)


def _lines(headers: Iterable[Header]) -> bytes:
    """The headers as lines of a head. Raises RuntimeError for what would break it, as uvicorn does."""
    lines: list[bytes] = []
    for name, value in headers:
        if not _is_name(name) or HEADER_VALUE_RE.search(value):
            raise RuntimeError(f"Invalid HTTP header {name!r}.")
        lines += (name, b": ", value, b"\r\n")
    return b"".join(lines)


@lru_cache(maxsize=256)
def _is_name(text: bytes) -> bool:
    return HEADER_RE.search(text) is None
