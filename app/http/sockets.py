"""uvicorn's WebSocket protocol with minimal memory per idle socket."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any, cast

from uvicorn import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import CloseCode, Frame
from websockets.protocol import Protocol

from app.http.edge import Quota
from graphql_server.pace import Pace

#: The interval of pings, and the time a client has to answer one.
PING_SECONDS = 20
#: The maximum per message.
MAXIMUM_FRAGMENTS = 1_000

#: Entries of a scope that are used after the socket is accepted.
_KEPT = ("facts", "path", "type")
#: What uvicorn keeps of a socket. More than 30 attributes without slots take 1.3 KB.
_OF_UVICORN = (
    "app app_state asgi_version client close_sent close_timeout close_timer config conn "
    "connections curr_msg_data_type default_headers disconnected frames handshake_complete "
    "handshake_initiated initial_response last_ping_rtt logger loop pending_ping_payload "
    "ping_interval ping_sent_at ping_timeout ping_timer pong_timer queue read_paused request "
    "response root_path scheme scope server tasks transport writable"
).split()


class Sockets:
    """The sockets of a server: creates them, and pings them in turn.

    One timer for all of them, whereas uvicorn has two for each.
    """

    def __init__(self, frames_per_minute: int | None = None) -> None:
        """Each socket may send so many pings and pongs; None is no limit."""
        self.frames_per_minute = frames_per_minute
        self._turns: list[set[Socket]] = [set() for _ in range(PING_SECONDS)]
        self._turn = 0
        self._timer: asyncio.TimerHandle | None = None

    def __call__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any]
    ) -> Socket:
        """Create a socket; uvicorn calls this for an upgrade request."""
        return Socket(self, config, server_state, app_state)

    def add(self, socket: Socket) -> None:
        """Register an open socket: its first ping follows after one full interval."""
        socket.turn = self._turn
        self._turns[self._turn].add(socket)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(1, self._take_turn)

    def remove(self, socket: Socket) -> None:
        if socket.turn is not None:
            self._turns[socket.turn].discard(socket)

    def _take_turn(self) -> None:
        self._turn = (self._turn + 1) % len(self._turns)
        self._timer = None
        if any(self._turns):
            self._timer = asyncio.get_running_loop().call_later(1, self._take_turn)
        for socket in list(self._turns[self._turn]):
            socket.ask()


class Socket(WebSocketsSansIOProtocol):
    """One socket. The state of the handshake is released after it."""

    __slots__ = (*_OF_UVICORN, "_is_ending", "_pace", "_sockets", "counted", "turn")

    def __init__(
        self,
        sockets: Sockets,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
    ) -> None:
        super().__init__(config, server_state, app_state)
        self._sockets = sockets
        #: Where it counts as a connection, and whose it is.
        self.counted: tuple[Quota, str | None] | None = None
        self._is_ending = False
        #: Of pings and pongs, from the first one on.
        self._pace: Pace | None = None
        #: The second of the interval at which it is pinged; None until it is open.
        self.turn: int | None = None
        # asyncio's classes contain four empty deques of 600 bytes each.
        self.queue = _Inbox(self._has_read_all)  # type: ignore[assignment]
        self.writable = _Gate()  # type: ignore[assignment]

    def start_keepalive(self) -> None:
        """The handshake is complete."""
        self._sockets.add(self)
        del self.request, self.response
        self.client = self.server = None
        # Those who serve the socket have the same dictionary, and removing entries would not shrink it.
        scope = cast(dict[str, Any], self.scope)
        kept = {name: scope[name] for name in _KEPT if name in scope}
        scope.clear()
        scope.update(kept)
        # The parser of the handshake would keep the request for as long as it parses frames.
        if not self.conn.reader.buffer:
            self.conn.parser = Protocol.parse(self.conn)
            next(self.conn.parser)

    def stop_keepalive(self) -> None:
        self._sockets.remove(self)

    def receive(self) -> Awaitable[Any]:  # type: ignore[override]
        # Without uvicorn's coroutine, which every idle socket would keep.
        return self.queue.get()

    def _has_read_all(self) -> None:
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.counted is not None:
            quota, owner = self.counted
            quota.give_back(owner)
            self.counted = None

    def handle_cont(self, event: Frame) -> None:
        # Their bytes have a limit, but fragments may be empty.
        if len(self.frames) < MAXIMUM_FRAGMENTS:
            super().handle_cont(event)
        elif not self.close_sent:
            self.conn.fail(CloseCode.MESSAGE_TOO_BIG, "too many fragments")
            self.handle_parser_exception()

    def handle_ping(self) -> None:
        if self._may_go_on():
            super().handle_ping()

    def handle_pong(self, event: Frame) -> None:
        if self._may_go_on():
            super().handle_pong(event)

    def _may_go_on(self) -> bool:
        """Count a ping or a pong; past the limit, the socket is closed."""
        if self._sockets.frames_per_minute is None:
            return True
        if self._pace is None:
            self._pace = Pace(self._sockets.frames_per_minute)
        if self._pace.take():
            return True
        if not self.close_sent:
            self.conn.fail(CloseCode.POLICY_VIOLATION, "too many pings")
            self.handle_parser_exception()
        return False

    def ask(self) -> None:
        """Send a ping, or close the socket if the previous one was not answered."""
        if self.transport.is_closing():
            # The client did not read the last data for a full interval.
            if self._is_ending:
                self.transport.abort()
            self._is_ending = True
            return
        if self.close_sent:
            return
        if self.pending_ping_payload is not None:
            self.keepalive_timeout()
            return
        self.pending_ping_payload = os.urandom(4)
        self.ping_sent_at = self.loop.time()
        self.conn.send_ping(self.pending_ping_payload)
        self.transport.write(b"".join(self.conn.data_to_send()))


class _Inbox:
    """Received events that were not consumed: an `asyncio.Queue` for a single consumer.

    Calls `emptied` when the last one is consumed.
    """

    __slots__ = ("_emptied", "_messages", "_waiter")

    def __init__(self, emptied: Callable[[], None]) -> None:
        self._emptied = emptied
        self._messages: list[Any] = []
        self._waiter: asyncio.Future[None] | None = None

    def put_nowait(self, message: Any) -> None:
        self._messages.append(message)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def get(self) -> Any:
        while not self._messages:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        message = self._messages.pop(0)
        if not self._messages:
            self._emptied()
        return message

    def empty(self) -> bool:
        return not self._messages


class _Gate:
    """An `asyncio.Event`, initially set, that creates its list of waiters on demand."""

    __slots__ = ("_is_open", "_waiters")

    def __init__(self) -> None:
        self._is_open = True
        self._waiters: list[asyncio.Future[None]] | None = None

    def set(self) -> None:
        self._is_open = True
        for waiter in self._waiters or ():
            if not waiter.done():
                waiter.set_result(None)
        self._waiters = None

    def clear(self) -> None:
        self._is_open = False

    async def wait(self) -> None:
        while not self._is_open:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters = [*(self._waiters or ()), waiter]
            await waiter
