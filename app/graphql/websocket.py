"""Operations over a WebSocket: the `graphql-transport-ws` protocol, and the codes it closes with.

https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
"""

from __future__ import annotations

import asyncio
import dataclasses
from contextlib import aclosing, suppress
from typing import Any

import orjson
import structlog
from graphql import OperationType
from starlette.types import Message, Receive, Scope, Send

from app.graphql import credentials, errors
from app.graphql.documents import Operation
from app.graphql.execution import Engine, GraphQLRequest, read_request
from app.http import bodies, facts
from domain import errors as domain_errors
from domain import sessions
from resolvers import authentication
from resolvers.request import RequestContext
from resolvers.standing import Watch

PROTOCOL = "graphql-transport-ws"
INIT_SECONDS = 10.0
MAXIMUM_OPERATIONS = 50
#: Of one process: its memory has an end.
MAXIMUM_SOCKETS = 20_000
#: How long queries and mutations under way may take to finish when the process stops.
FINISH_SECONDS = 8.0
#: A client that takes in nothing for so long is gone.
SEND_SECONDS = 30.0
_ID_MAXIMUM_CHARACTERS = 100

BAD_REQUEST = 4400
UNAUTHORIZED = 4401
TOKEN_EXPIRED = 4403
SUBPROTOCOL_UNACCEPTABLE = 4406
INIT_TIMEOUT = 4408
SUBSCRIBER_EXISTS = 4409
TOO_MANY_INITS = 4429
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
    keeps nothing of the handshake.
    """

    __slots__ = (
        "_acknowledged",
        "_ending",
        "_engine",
        "_facts",
        "_finishing",
        "_initialised",
        "_is_over",
        "_operations",
        "_patience",
        "_principal",
        "_receive_event",
        "_send_event",
        "_sending",
        "_short",
        "_started",
        "_stopping",
        "_task",
        "_understands",
        "_user_agent",
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
        self._user_agent = facts.header(scope["headers"], b"user-agent")
        self._understands = PROTOCOL in scope["subprotocols"]
        self._receive_event = receive
        self._send_event = send
        self._sending = asyncio.Lock()
        self._initialised = self._acknowledged = self._stopping = False
        self._principal: sessions.Principal | None = None
        self._operations: dict[str, asyncio.Task[None]] = {}
        #: Those that end by themselves: queries and mutations.
        self._short: tuple[asyncio.Task[None], ...] = ()
        self._finishing: asyncio.Task[None] | None = None
        self._started = 0
        self._task = asyncio.current_task()
        self._patience: asyncio.TimerHandle | None = None
        self._watch: Watch | None = None
        self._is_over = False
        #: Why the socket is over: None once the client has gone.
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
        if len(self._engine.long_lived) >= MAXIMUM_SOCKETS:
            await self._close(Close(TRY_AGAIN_LATER, "Too many sockets"))
            return
        self._patience = asyncio.get_running_loop().call_later(INIT_SECONDS, self._lose_patience)
        self._engine.metrics.sockets.inc()
        try:
            with self._engine.long_lived.lives(self._ask_to_finish):
                close = await self._read()
                if close is not None:
                    self._facts.logged.update(code=close.code, reason=close.reason)
                    await self._close(close)
        finally:
            self._be_patient()
            if self._watch is not None:
                self._engine.services.live.unwatch(self._watch)
            self._engine.metrics.sockets.dec()
            self._facts.logged["operations"] = self._started
            tasks = [*self._operations.values(), *([self._finishing] if self._finishing else ())]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    # ------------------------------------------------ what ends a socket

    def _end(self, close: Close | None) -> None:
        """The socket is over: whatever it is doing is broken off."""
        if self._is_over:
            return
        self._is_over = True
        self._ending = close
        if self._task is not None and asyncio.current_task() is not self._task:
            self._task.cancel()

    def _lose_patience(self) -> None:
        self._end(Close(INIT_TIMEOUT, "Connection initialisation timeout"))

    def _be_patient(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _ask_to_finish(self) -> None:
        self._stopping = True
        self._finishing = asyncio.create_task(self._finish())

    async def _finish(self) -> None:
        if self._short:
            await asyncio.wait(self._short, timeout=FINISH_SECONDS)
        self._end(Close(SERVICE_RESTART, "Service restart"))

    def _credential_ended(self, error: domain_errors.Unauthenticated) -> None:
        self._end(_refusal_of(error))

    async def _close(self, close: Close) -> None:
        with suppress(OSError, RuntimeError):
            await self._send_event(
                {"type": "websocket.close", "code": close.code, "reason": close.reason[:120]}
            )

    # ------------------------------------------------ messages

    async def _read(self) -> Close | None:
        """Take in messages until the socket is over; what to close it with, if the client is there."""
        try:
            # A driver may lose a cancellation; the flag is not lost.
            while not self._is_over:
                # No name holds the last message while the next one is waited for.
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
                payload = message.get("payload")
                pong = {"type": "pong"}
                await self._send(pong if payload is None else {**pong, "payload": payload})
            case "pong":
                pass
            case "subscribe":
                await self._subscribe(message)
            case "complete":
                task = self._operations.pop(_operation_id(message), None)
                if task is not None:
                    task.cancel()
            case _:
                raise Close(BAD_REQUEST, "Invalid message type")

    async def _initialise(self, payload: Any) -> None:
        if self._initialised:
            raise Close(TOO_MANY_INITS, "Too many initialisation requests")
        self._initialised = True
        if payload is not None and not isinstance(payload, dict):
            raise Close(BAD_REQUEST, "The payload of connection_init takes an object")
        authorization = (payload or {}).get("Authorization", (payload or {}).get("authorization"))
        if authorization is not None and not isinstance(authorization, str):
            raise Close(UNAUTHORIZED, "Unauthorized")
        try:
            principal = await authentication.authenticate(self._engine.services, authorization)
        except domain_errors.Unauthenticated as error:
            raise _refusal_of(error) from None
        except domain_errors.Unavailable:
            raise Close(TRY_AGAIN_LATER, "Try again later") from None
        self._principal = principal
        self._acknowledged = True
        self._be_patient()
        if principal is not None:
            self._watch = credentials.watch(
                self._engine.services, principal, self._credential_ended
            )
        await self._send({"type": "connection_ack"})

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
            raise Close(BAD_REQUEST, str(error)) from None
        try:
            if len(self._operations) >= MAXIMUM_OPERATIONS:
                raise errors.request_error(
                    f"A socket runs at most {MAXIMUM_OPERATIONS} operations at once: complete one first.",
                    errors.TOO_EXPENSIVE,
                )
            operation = self._engine.prepare(request)
        except errors.RequestError as error:
            await self._send({"type": "error", "id": operation_id, "payload": error.errors})
            return
        self._started += 1
        # The text has become the operation: thousands of copies of it would be kept for nothing.
        request = dataclasses.replace(request, query="")
        task = asyncio.create_task(self._operate(operation_id, operation, request))
        self._operations[operation_id] = task
        if operation.kind is not OperationType.SUBSCRIPTION:
            self._short = (*self._short, task)
            task.add_done_callback(self._is_done)

    def _is_done(self, task: asyncio.Task[None]) -> None:
        self._short = tuple(other for other in self._short if other is not task)

    # ------------------------------------------------ operations

    async def _operate(
        self, operation_id: str, operation: Operation, request: GraphQLRequest
    ) -> None:
        failed = False
        try:
            await self._answer(operation_id, operation, request)
        except errors.RequestError as error:
            failed = True
            await self._quietly({"type": "error", "id": operation_id, "payload": error.errors})
        except OSError:
            self._end(None)
            return
        except Exception as error:
            failed = True
            masked = errors.internal(error, request_id=self._facts.request_id)
            await self._quietly({"type": "error", "id": operation_id, "payload": masked.errors})
        # The client may take the id anew as soon as it hears that the operation is over.
        if self._operations.get(operation_id) is asyncio.current_task():
            del self._operations[operation_id]
            if not failed:
                await self._quietly({"type": "complete", "id": operation_id})

    async def _answer(
        self, operation_id: str, operation: Operation, request: GraphQLRequest
    ) -> None:
        request_id = f"{self._facts.request_id}.{self._started}"
        structlog.contextvars.bind_contextvars(request_id=request_id)
        context = RequestContext(
            services=self._engine.services,
            principal=self._principal,
            client_ip=self._facts.client_ip,
            user_agent=self._user_agent,
            request_id=request_id,
            can_set_cookies=False,
        )
        if operation.kind is not OperationType.SUBSCRIPTION:
            answer = await self._engine.execute(operation, request, context)
            await self._send({"type": "next", "id": operation_id, "payload": answer})
            return
        subscribed = await self._engine.subscribe(operation, request, context)
        with self._engine.metrics.subscriptions.track_inprogress():
            async with aclosing(subscribed) as events:
                async for event in events:
                    message = {"type": "next", "id": operation_id, "payload": event.answer}
                    await self._send(message)

    async def _send(self, message: dict[str, Any]) -> None:
        """Raises OSError once the client has gone or takes nothing in."""
        text = orjson.dumps(message).decode()
        async with asyncio.timeout(SEND_SECONDS), self._sending:
            await self._send_event({"type": "websocket.send", "text": text})

    async def _quietly(self, message: dict[str, Any]) -> None:
        try:
            await self._send(message)
        except OSError:
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


def _refusal_of(error: domain_errors.Unauthenticated) -> Close:
    """4403 has the official clients come back with a fresh token; 4401 is final to them."""
    if isinstance(error, sessions.TokenExpired):
        return Close(TOKEN_EXPIRED, "The token has expired")
    return Close(UNAUTHORIZED, "Unauthorized")
