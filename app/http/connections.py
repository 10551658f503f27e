"""uvicorn's HTTP protocol with limits, and with the head and the body of an answer in one write."""

from __future__ import annotations

import asyncio
from enum import IntEnum
from typing import Any

import httptools
from uvicorn import Config
from uvicorn.server import ServerState

from adapters import rate_limiter
from app.http import hosts, rate_limits, refusals
from app.http.edge import Edge
from app.http.gathering import Gathered, Gathering
from app.http.short_path import ShortPath, ShortPathProtocol
from graphql_server import bodies
from graphql_server.facts import RequestFacts
from graphql_server.service import Header

MAXIMUM_URL_BYTES = 16 * 1024
MAXIMUM_HEADER_BYTES = 32 * 1024
MAXIMUM_HEADERS = 100
#: `websockets` reads handshakes itself, and takes no longer line.
_HANDSHAKE_LINE_BYTES = 8_000

#: From the connection, or the first byte of a later request, to the end of its headers.
HEAD_SECONDS = 10.0
#: For what is left of a body after its request was answered.
BODY_SECONDS = 10.0
#: For the body of a plain request to arrive whole, before the application receives it.
_WHOLE_SECONDS = 1.0
#: A client that reads nothing for this long is considered gone.
SEND_SECONDS = 30.0
# A client reads a refusal only if the connection is not reset while it is still sending.
_LINGER_SECONDS = 2.0
_LINGER_BYTES = 64 * 1024 * 1024


class Phase(IntEnum):
    """What a connection has received of the request that it is reading."""

    NOTHING = 0
    HEAD = 1
    BODY = 2


class _Refused(Exception):
    """The request is refused before the application sees it."""


class Connections:
    """Makes the HTTP connections of a server: what uvicorn calls for each that it accepts."""

    def __init__(self, edge: Edge, short_path: ShortPath | None = None) -> None:
        """Without a short path, all requests are served by the ASGI application."""
        self.edge = edge
        self.short_path = short_path
        self.gathered = Gathered()

    def __call__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> HttpConnection:
        return HttpConnection(self, config, server_state, app_state, _loop)


class HttpConnection(ShortPathProtocol):
    """One connection, with limits on what it may send and for how long.

    Each write is a call of the system and wakes the client; uvicorn makes two an answer.
    """

    def __init__(
        self,
        connections: Connections,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(connections.short_path, config, server_state, app_state, loop)
        self._edge = connections.edge
        self._gathered = connections.gathered
        self._owner: str | None = None
        #: Whether a response was sent, and nothing has come since.
        self._is_idle = False
        self._is_counted = self._is_waiting = self._is_refused = self._is_socket = False
        self._phase = Phase.NOTHING
        #: Bytes of the head (in a body: since the last of its content): at least and at most so many.
        self._head_minimum = self._head_maximum = 0
        self._chunk_bytes = 0
        #: Another protocol than WebSocket was offered in the request that is read.
        self._ignores_upgrade = False
        #: The coding of the chunked body that is read was checked.
        self._is_coding_known = False
        self._discarded = 0
        self._refusal: tuple[int, str] | None = None

    # ------------------------------------------------ beginning and end

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.transport = Gathering(transport, self._closing, self._gathered)  # type: ignore[assignment]
        self._owner = self._edge.client_of(self.client[0] if self.client else None)
        if self._edge.connections.is_full:
            self._refuse(503, refusals.FULL)
        elif not self._edge.connections.take(self._owner):
            self._refuse(429, refusals.TOO_MANY)
        else:
            self._is_counted = True
            self._wait(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._leave()
        # Not `self.cycle`, which is the newest request: this one may be queued behind another.
        cycle = self.answered
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
            # Absent until the envelope has started to process it.
            known = cycle.scope.get("facts")
            if isinstance(known, RequestFacts):
                known.leave()

    def _leave(self) -> None:
        self._edge.stop_waiting(self)
        if self._is_counted:
            self._is_counted = False
            self._edge.connections.give_back(self._owner)

    def handle_websocket_upgrade(self) -> None:
        lines = [self.url, *(name + value for name, value in self.headers)]
        if max(map(len, lines)) > _HANDSHAKE_LINE_BYTES:
            self._refuse(431, "A line of the handshake has more than 8,000 bytes: send less.")
            return
        given = dict(self.headers)
        has_body = b"transfer-encoding" in given or given.get(b"content-length", b"0") != b"0"
        if has_body or (self.cycle is not None and not self.cycle.response_complete):
            self._refuse(400, "A WebSocket handshake has no body, and waits for earlier answers.")
            return
        self._stop_waiting()
        self._is_socket = True
        self.transport = self.transport.bare  # type: ignore[attr-defined]
        super().handle_websocket_upgrade()
        # The socket is still one of the client's connections, but keeps nothing of this object.
        if self._is_counted:
            self._is_counted = False
            socket: Any = self.transport.get_protocol()
            socket.counted = (self._edge.connections, self._owner)

    def on_response_complete(self) -> None:
        """As uvicorn's, but one timer for all connections closes those that are silent for too long."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self._phase is Phase.NOTHING:
            self._is_idle = True
            if not self.flow.write_paused:
                self._wait(self.timeout_keep_alive)
        if self._phase is not Phase.NOTHING and not self._is_refused:
            # The next request has already begun to arrive.
            self._keep_deadline()

    # ------------------------------------------------ what is received

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            self._discarded += len(data)
            if self._discarded > _LINGER_BYTES:
                self.transport.abort()
            return
        self._chunk_bytes = len(data)
        self._head_minimum += len(data)
        self._head_maximum += len(data)
        if self._is_idle:
            self._is_idle = False
            if not self.flow.write_paused:
                self._stop_waiting()
        is_awaited = self.plain_body is not None
        self._feed(data)
        if is_awaited:
            # It comes in more than two pieces, if it has not arrived now.
            self.hand_over()
        if self._head_minimum > MAXIMUM_URL_BYTES + MAXIMUM_HEADER_BYTES:
            self._refuse_framing()
        if not self._is_refused and not self._is_socket:
            self._keep_deadline()

    def _feed(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self._refuse(*(self._refusal or (400, "This is not well-formed HTTP.")))
        except httptools.HttpParserUpgrade as upgrade:
            if self._should_upgrade():
                self.handle_websocket_upgrade()
            else:
                self._stay(data[upgrade.args[0] :])

    def _stay(self, rest: bytes) -> None:
        """Go on in HTTP/1.1 with who offers another protocol: Java's client offers h2c on its own.

        The parser takes what follows the head for that protocol, so the request is parsed again
        without the offer.
        """
        self._ignores_upgrade = False
        self.parser = httptools.HttpRequestParser(self)
        head = [self.scope["method"].encode(), b" ", self.url, b" HTTP/1.1\r\n"]
        for name, value in self.headers:
            if name != b"upgrade":
                head += (name, b": ", value, b"\r\n")
        self._feed(b"".join((*head, b"\r\n", rest)))

    def _keep_deadline(self) -> None:
        """While a request is answered the application has deadlines; else the client has one."""
        cycle = self.cycle
        if self.plain_body is not None:
            self._wait(_WHOLE_SECONDS)
        elif cycle is None or cycle.response_complete:
            if not self._is_waiting:
                self._wait(BODY_SECONDS if self._phase is Phase.BODY else HEAD_SECONDS)
        elif self._is_waiting and not self.flow.write_paused:
            self._stop_waiting()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._phase = Phase.HEAD
        self._head_minimum = 0
        self._head_maximum = self._chunk_bytes
        self._is_coding_known = False

    def on_body(self, body: bytes) -> None:
        self._head_minimum = 0
        super().on_body(body)

    def on_headers_complete(self) -> None:
        if self.url[:1] not in (b"/", b"*"):
            self._read_absolute_target()
        self._check_head()
        self._phase = Phase.BODY
        self._head_minimum = 0
        if self.parser.should_upgrade() and not self._should_upgrade():
            self._ignores_upgrade = True
            self.scope["method"] = self.parser.get_method().decode("ascii")
            if self.scope["method"] == "CONNECT":
                self._refusal = (405, "This is no proxy.")
                raise _Refused
            return
        super().on_headers_complete()
        if not self.parser.should_upgrade():
            # Trailers are no headers: a proxy that set or removed headers has not seen them
            # (RFC 9110, 6.5.1). What the parser reports from here on is dropped with this list.
            self.headers = []

    def on_chunk_header(self) -> None:
        """Refuse a coding beneath the chunks, which would be taken for the body itself.

        Proxies might see another body. Only chunked bodies come here, so it costs other requests nothing.
        """
        if self._is_coding_known:
            return
        self._is_coding_known = True
        given = (value for name, value in self.scope["headers"] if name == b"transfer-encoding")
        if b",".join(given).strip().lower() != b"chunked":
            self._refusal = (501, refusals.UNKNOWN_CODING)
            raise _Refused

    def _read_absolute_target(self) -> None:
        """Reduce `http://host/path` to its path, and have its host count as the Host (RFC 9112, 3.2.2)."""
        found = hosts.ABSOLUTE_TARGET.fullmatch(self.url)
        if self.parser.get_method() == b"CONNECT":
            return
        if found is None:
            self._refusal = (400, refusals.NO_ABSOLUTE_TARGET)
            raise _Refused
        rest = found["rest"]
        self.url = rest if rest.startswith(b"/") else b"/" + rest
        self.headers[:] = [
            (name, found["host"] if name == b"host" else value) for name, value in self.headers
        ]

    def on_message_complete(self) -> None:
        if self._ignores_upgrade:
            return
        super().on_message_complete()
        self.scope[bodies.IS_THERE] = True  # type: ignore[literal-required]
        self._phase = Phase.NOTHING
        self._head_minimum = 0

    def _check_head(self) -> None:
        """Refuse a head that is too large. What arrived with it bounds it: most need no more than that."""
        if self._head_maximum > MAXIMUM_URL_BYTES:
            size = sum(len(name) + len(value) + 4 for name, value in self.headers)
            if len(self.url) > MAXIMUM_URL_BYTES:
                self._refusal = (414, refusals.URL_TOO_LONG)
            elif size > MAXIMUM_HEADER_BYTES:
                self._refusal = (431, refusals.TOO_LARGE)
        if len(self.headers) > MAXIMUM_HEADERS:
            self._refusal = (431, refusals.TOO_LARGE)
        if self._refusal is not None:
            raise _Refused

    def _refuse_framing(self) -> None:
        if self._phase is Phase.BODY:
            self._refuse(431, refusals.TOO_MUCH_FRAMING)
        elif self._phase is Phase.HEAD and len(self.url) > MAXIMUM_URL_BYTES:
            self._refuse(414, refusals.URL_TOO_LONG)
        else:
            self._refuse(431, refusals.TOO_LARGE)

    # ------------------------------------------------ deadlines

    def _wait(self, seconds: float) -> None:
        self._is_waiting = True
        self._edge.wait(self, seconds)

    def _stop_waiting(self) -> None:
        self._is_waiting = False
        self._edge.stop_waiting(self)

    def expire(self) -> None:
        """The client exceeded the deadline."""
        self._is_waiting = False
        if self.plain_body is not None:
            self.hand_over()
        elif self._is_refused or self.transport.is_closing() or self.flow.write_paused:
            self.transport.abort()
        elif self._phase is Phase.HEAD:
            self._refuse(408, refusals.TOO_SLOW)
        else:
            # Browsers open connections in advance, and do not expect an answer on them.
            self.transport.close()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._wait(SEND_SECONDS)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._is_idle:
            self._wait(self.timeout_keep_alive)
        else:
            self._stop_waiting()

    def _closing(self) -> None:
        """The client may never read the last response."""
        self._wait(SEND_SECONDS)

    def _quota_headers(self, status: int) -> list[Header]:
        quota = self._edge.connections.per_client
        if status != 429 or quota is None:
            return []
        usage = rate_limiter.all_taken("connections.client", quota, refusals.RETRY_SECONDS)
        return rate_limits.headers(usage)

    def _refuse(self, status: int, message: str) -> None:
        """Send that response, and read nothing more."""
        if self._is_refused or self.transport.is_closing():
            return
        self._is_refused = True
        self._edge.refused(status)
        cycle = self.cycle
        is_begun = self._phase is Phase.BODY
        if is_begun and self.pipeline and self.pipeline[0][0] is cycle:
            # It waits for the answers to earlier requests, and is not answered itself.
            self.pipeline.popleft()
            self.cycle = cycle = self.pipeline[0][0] if self.pipeline else self.answered  # type: ignore[assignment]
            is_begun = False
        if cycle is not None and not cycle.response_complete:
            if not is_begun:
                # An earlier request is being answered: that answer is the last one.
                cycle.keep_alive = False
                return
            cycle.disconnected = True
            cycle.message_event.set()
            if cycle.response_started:
                self.transport.close()
                return
        self.transport.write(refusals.render(status, message, self._quota_headers(status)))
        self.transport.flush()  # type: ignore[attr-defined]
        if status in (429, 503):
            # Those fields have no slot.
            self.transport.close()
            return
        self.transport.write_eof()
        self._wait(_LINGER_SECONDS)
