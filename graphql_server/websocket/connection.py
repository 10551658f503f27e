"""One WebSocket that speaks `graphql-transport-ws`, and the codes that it closes with.

https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import orjson
from starlette.types import Message, Receive, Scope, Send

from graphql_server import bodies, errors, facts
from graphql_server.execution import Engine
from graphql_server.pace import Pace
from graphql_server.requests import read_request
from graphql_server.service import Caller
from graphql_server.websocket.operations import Operations

PROTOCOL = "graphql-transport-ws"
INIT_SECONDS = 10.0
#: How long a socket without a credential may stay open.
ANONYMOUS_SECONDS = 120.0
#: How long queries and mutations under way may take to finish when the process stops.
FINISH_SECONDS = 8.0
#: A client that reads nothing for this long is considered gone.
SEND_SECONDS = 30.0
_ID_MAXIMUM_CHARACTERS = 100

BAD_REQUEST = 4400
UNAUTHORIZED = 4401
TOKEN_EXPIRED = 4403
SUBPROTOCOL_UNACCEPTABLE = 4406
INIT_TIMEOUT = 4408
SUBSCRIBER_EXISTS = 4409
TOO_MANY_INITS = 4429
POLICY_VIOLATION = 1008
SERVICE_RESTART = 1012
TRY_AGAIN_LATER = 1013
INTERNAL_ERROR = 1011


class Close(Exception):
    """The socket is to be closed with this code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Connection:
    """One socket, from accept to close.

    Thousands of them idle in a process, so one has a single task, beside those of its operations, and
    keeps nothing of the handshake once it is initialised.
    """

    __slots__ = (
        "_acknowledged",
        "_authorization",
        "_caller",
        "_ending",
        "_engine",
        "_facts",
        "_finishing",
        "_initialised",
        "_is_over",
        "_operations",
        "_pace",
        "_receive_event",
        "_send_event",
        "_sending",
        "_stopping",
        "_task",
        "_timeout",
        "_understands",
        "_watch",
    )

    def __init__(
        self,
        engine: Engine,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        self._engine = engine
        self._facts: facts.RequestFacts = scope["facts"]
        self._understands = PROTOCOL in scope["subprotocols"]
        self._receive_event = receive
        self._send_event = send
        self._sending = asyncio.Lock()
        self._initialised = self._acknowledged = self._stopping = False
        self._caller: Caller | None = None
        #: Of the upgrade request: counts where `connection_init` has none.
        headers = self._facts.headers
        self._authorization = headers.joined(b"authorization")
        user_agent = headers.first(b"user-agent")
        # Idle sockets are many, and keep nothing of their handshake.
        self._facts.headers = facts.Headers()
        self._operations = Operations(engine, self._facts, user_agent, self)
        self._finishing: asyncio.Task[None] | None = None
        self._task = asyncio.current_task()
        self._timeout: asyncio.TimerHandle | None = None
        self._watch: Any = None
        self._is_over = False
        #: Of messages that start no operation, from the first one on.
        self._pace: Pace | None = None
        #: Why the socket is closed; None if the client disconnected.
        self._ending: Close | None = None

    async def run(self) -> None:
        """Serve the socket until either side closes it."""
        await self._receive_event()
        if not self._understands:
            await self._send_event({"type": "websocket.accept"})
            await self._close(
                Close(SUBPROTOCOL_UNACCEPTABLE, f"Subprotocol not acceptable: use {PROTOCOL}")
            )
            return
        await self._send_event({"type": "websocket.accept", "subprotocol": PROTOCOL})
        self._timeout = asyncio.get_running_loop().call_later(
            INIT_SECONDS, self._close_unacknowledged
        )
        self._engine.metrics.sockets.inc()
        try:
            with self._engine.long_lived.lives(self._ask_to_finish):
                close = await self._read()
                if close is not None:
                    self._facts.logged.update(code=close.code, reason=close.reason)
                    await self._close(close)
        finally:
            self._cancel_timeout()
            if self._watch is not None:
                self._engine.service.unwatch(self._watch)
            if self._caller is not None:
                account = self._engine.service.account_of(self._caller)
                self._engine.account_streams.give_back(account)
            self._engine.metrics.sockets.dec()
            self._facts.logged["operations"] = self._operations.started
            if self._finishing is not None:
                self._finishing.cancel()
            await self._operations.break_off()

    # ------------------------------------------------ what ends a socket

    def _end(self, close: Close | None) -> None:
        """Close the socket: whatever is in progress is cancelled."""
        if self._is_over:
            return
        self._is_over = True
        self._ending = close
        if self._task is not None and asyncio.current_task() is not self._task:
            self._task.cancel()

    def _close_unacknowledged(self) -> None:
        self._end(Close(INIT_TIMEOUT, "Connection initialisation timeout"))

    def _cancel_timeout(self) -> None:
        if self._timeout is not None:
            self._timeout.cancel()
            self._timeout = None

    def _ask_to_finish(self) -> None:
        self._stopping = True
        close = Close(SERVICE_RESTART, "Service restart")
        self._finishing = asyncio.create_task(self._finish(close))

    def _retire(self) -> None:
        """The official clients reconnect when they need a socket again."""
        self._stopping = True
        reason = f"Send a credential within {ANONYMOUS_SECONDS:.0f} seconds"
        self._finishing = asyncio.create_task(self._finish(Close(INIT_TIMEOUT, reason)))

    async def _finish(self, close: Close) -> None:
        await self._operations.finish(FINISH_SECONDS)
        self._end(close)

    def _credential_ended(self, error: Exception) -> None:
        self._end(_close_for(self._engine.service.refusal(error)))

    async def _close(self, close: Close) -> None:
        with suppress(OSError, RuntimeError):
            await self._send_event(
                {"type": "websocket.close", "code": close.code, "reason": close.reason[:120]}
            )

    # ------------------------------------------------ messages

    async def _read(self) -> Close | None:
        """Receive messages until the socket is closed; returns the close code unless the client is gone."""
        try:
            # A driver may swallow a cancellation, so check the flag as well.
            while not self._is_over:
                # Hold no reference to the last message while waiting for the next.
                await self._take(await self._receive_event())
        except asyncio.CancelledError:
            if not self._is_over:
                raise
        except Close as close:
            self._end(close)
        except OSError:
            self._end(None)
        except Exception as error:
            masked = errors.internal(error, request_id=self._facts.request_id)
            self._end(Close(INTERNAL_ERROR, masked.errors[0]["extensions"]["reference"]))
        if self._task is not None:
            self._task.uncancel()
        return self._ending

    async def _take(self, event: Message) -> None:
        if event["type"] == "websocket.disconnect":
            self._facts.logged.setdefault("code", event.get("code"))
            self._end(None)
        else:
            await self._handle(_parse(event.get("text")))

    async def _handle(self, message: dict[str, Any]) -> None:
        match message.get("type"):
            case "connection_init":
                await self._initialise(message.get("payload"))
            case "ping":
                self._count_idle_message()
                payload = message.get("payload")
                pong = {"type": "pong"}
                await self.send(pong if payload is None else {**pong, "payload": payload})
            case "pong":
                self._count_idle_message()
            case "subscribe":
                await self._subscribe(message)
            case "complete":
                if not self._operations.complete(_operation_id(message)):
                    self._count_idle_message()
            case _:
                raise Close(BAD_REQUEST, "Invalid message type")

    def _count_idle_message(self) -> None:
        """Count a message that starts no operation: those that do have limits of their own."""
        limit = self._engine.socket_messages
        if limit is None:
            return
        if self._pace is None:
            self._pace = Pace(limit)
        if not self._pace.take():
            raise Close(POLICY_VIOLATION, "Too many messages that start no operation")

    async def _initialise(self, payload: Any) -> None:
        if self._initialised:
            raise Close(TOO_MANY_INITS, "Too many initialisation requests")
        self._initialised = True
        if payload is not None and not isinstance(payload, dict):
            raise Close(BAD_REQUEST, "The payload of connection_init takes an object")
        authorization = (payload or {}).get("Authorization", (payload or {}).get("authorization"))
        if authorization is None:
            authorization = self._authorization
        self._authorization = None
        if authorization is not None and not isinstance(authorization, str):
            raise Close(UNAUTHORIZED, "Unauthorized")
        service = self._engine.service
        try:
            caller = await service.authenticate(
                authorization, self._facts.client_ip, ask_active=True
            )
        except Exception as error:
            refusal = service.refusal(error)
            if refusal is None:
                raise
            raise _close_for(refusal) from None
        if caller is not None:
            if not self._engine.account_streams.take(service.account_of(caller)):
                raise Close(TRY_AGAIN_LATER, "This account has too many open streams")
            self._caller = caller
        self._acknowledged = True
        self._cancel_timeout()
        if caller is None:
            loop = asyncio.get_running_loop()
            self._timeout = loop.call_later(ANONYMOUS_SECONDS, self._retire)
        else:
            self._watch = service.watch(caller, self._credential_ended)
        await self.send({"type": "connection_ack"})

    async def _subscribe(self, message: dict[str, Any]) -> None:
        operation_id = _operation_id(message)
        payload = message.get("payload")
        if not isinstance(payload, dict):
            raise Close(BAD_REQUEST, "The payload of subscribe takes an object")
        if not self._acknowledged:
            raise Close(UNAUTHORIZED, "Unauthorized")
        if operation_id in self._operations:
            raise Close(SUBSCRIBER_EXISTS, f"Subscriber for {operation_id} already exists")
        if self._stopping:
            return
        try:
            request = read_request(payload)
        except errors.RequestError as error:
            if error.code != errors.PERSISTED_QUERY_NOT_SUPPORTED:
                raise Close(BAD_REQUEST, str(error)) from None
            self._count_idle_message()
            await self.send({"type": "error", "id": operation_id, "payload": error.errors})
            return
        if not await self._operations.begin(operation_id, request, self._caller):
            self._count_idle_message()

    # ------------------------------------------------ the client

    async def send(self, message: dict[str, Any]) -> None:
        """Raises OSError if the client is gone or reads nothing."""
        text = orjson.dumps(message).decode()
        async with asyncio.timeout(SEND_SECONDS), self._sending:
            await self._send_event({"type": "websocket.send", "text": text})

    def lose(self) -> None:
        """The client has disconnected."""
        self._end(None)


def _parse(text: str | None) -> dict[str, Any]:
    try:
        message = bodies.parse_json(text or "")
    except ValueError:
        message = None
    if not isinstance(message, dict):
        raise Close(BAD_REQUEST, "Invalid message: it takes a JSON object as text")
    return message


def _operation_id(message: dict[str, Any]) -> str:
    operation_id = message.get("id")
    if not isinstance(operation_id, str) or not 0 < len(operation_id) <= _ID_MAXIMUM_CHARACTERS:
        raise Close(BAD_REQUEST, "The message takes an id")
    return operation_id


def _close_for(refusal: errors.Refusal | None) -> Close:
    """4403 has the official clients come back with a fresh token; 4401 is final to them."""
    credential = None if refusal is None else refusal.credential
    if credential is None:
        return Close(TRY_AGAIN_LATER, "Try again later")
    if credential is errors.Credential.EXPIRED:
        return Close(TOKEN_EXPIRED, "The token has expired")
    return Close(UNAUTHORIZED, "Unauthorized")
