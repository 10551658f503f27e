"""Subscribers over WebSocket or server-sent events that reconnect after the last number they received."""

from __future__ import annotations

import asyncio
import json
import random
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import websockets
from websockets.asyncio.client import connect

from torture import client, http1
from torture.client import Answer, Watch
from torture.record import Subscriber
from torture.requests import minor
from torture.users import User

HOST = "127.0.0.1"
#: Both transports send heartbeats more often.
_TIMEOUT_SECONDS = 16.0
_CONNECT_SECONDS = 5.0
#: A socket may be closed because the process ends or because the database is unavailable.
_GOOD_CLOSES = (1000, 1001, 1012, 1013)


@dataclass(frozen=True, slots=True)
class Stream:
    """One of the streams of a user."""

    #: The field of the subscription, and the field of its events that is their number.
    field: str
    number: str
    document: str


WALLET_EVENTS = Stream(
    "walletEvents",
    "sequence",
    """
subscription ($after: Int) { walletEvents(afterSequence: $after) {
  sequence balance { amount } ... on TransactionPosted { transaction { reference } }
} }
""",
)
NOTIFICATIONS = Stream(
    "notifications",
    "number",
    """
subscription ($after: Int) { notifications(afterNumber: $after) {
  number message transaction { reference }
} }
""",
)


class Listener(ABC):
    """A subscriber to the events of one user, through all reconnections."""

    transport: str

    def __init__(
        self,
        user: User,
        ports: Sequence[int],
        rng: random.Random,
        watch: Watch,
        stream: Stream = WALLET_EVENTS,
    ) -> None:
        #: Called with every error received instead of an event.
        self.watch = watch
        self.heard = Subscriber(user.user_id, self.transport)
        self.stream = stream
        self._user = user
        self._ports = ports
        self._rng = rng

    @property
    def last(self) -> int:
        """The newest sequence received."""
        return self.heard.sequences[-1] if self.heard.sequences else 0

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            try:
                async with aclosing(self._answers(self._rng.choice(self._ports))) as answers:
                    async for answer in answers:
                        self._note(answer)
            except (OSError, EOFError, ValueError, websockets.WebSocketException):
                # Cut, swallowed or truncated: an incomplete event was not received.
                pass
            self.heard.reconnects += 1
            await asyncio.sleep(self._rng.uniform(0.05, 0.5))

    @abstractmethod
    def _answers(self, port: int) -> AsyncGenerator[dict[str, Any], None]:
        """The messages of one connection, resumed after `last`. Raises what ends it."""

    def _note(self, answer: dict[str, Any]) -> None:
        if "errors" in answer:
            self.watch(Answer(200, answer))
            return
        event = answer["data"][self.stream.field]
        self.heard.sequences.append(event[self.stream.number])
        if "balance" in event:
            self.heard.balances_minor.append(minor(event["balance"]["amount"]))
        transaction = event["transaction"]
        reference = None if transaction is None else UUID(transaction["reference"])
        self.heard.references.append(reference)
        self.heard.arrived.append(time.monotonic())


class WebSocketListener(Listener):
    """Over `graphql-transport-ws`, with `afterSequence` or `afterNumber`."""

    transport = "websocket"

    async def _answers(self, port: int) -> AsyncGenerator[dict[str, Any], None]:
        try:
            async with aclosing(self._messages(port)) as messages:
                async for message in messages:
                    yield message
        except websockets.InvalidStatus as refused:
            response = refused.response
            self.watch(client.failed(f"no socket: {response.body!r}", response.status_code))
            raise
        except websockets.ConnectionClosed as closed:
            if closed.rcvd is not None and closed.rcvd.code not in _GOOD_CLOSES:
                self.watch(client.failed(f"closed: {closed.rcvd}"))
            raise

    async def _messages(self, port: int) -> AsyncGenerator[dict[str, Any], None]:
        async with connect(
            f"ws://{HOST}:{port}/graphql",
            subprotocols=[websockets.Subprotocol("graphql-transport-ws")],
            open_timeout=_CONNECT_SECONDS,
            close_timeout=0.5,
            ping_interval=None,
        ) as socket:
            bearer = {"Authorization": f"Bearer {self._user.token}"}
            await socket.send(json.dumps({"type": "connection_init", "payload": bearer}))
            asked = {"query": self.stream.document, "variables": {"after": self.last}}
            while True:
                async with asyncio.timeout(_TIMEOUT_SECONDS):
                    message = json.loads(await socket.recv())
                match message["type"]:
                    case "connection_ack":
                        subscribe = {"type": "subscribe", "id": "1", "payload": asked}
                        await socket.send(json.dumps(subscribe))
                    case "ping":
                        await socket.send(json.dumps({"type": "pong"}))
                    case "next":
                        yield message["payload"]
                    case "error":
                        yield {"errors": message["payload"]}
                        return
                    case _:
                        return


class EventStreamListener(Listener):
    """Over server-sent events, with `Last-Event-ID`."""

    transport = "sse"

    async def _answers(self, port: int) -> AsyncGenerator[dict[str, Any], None]:
        async with asyncio.timeout(_CONNECT_SECONDS):
            reader, writer = await asyncio.open_connection(HOST, port)
        try:
            resume = {"Last_Event_ID": str(self.last)}
            payload = {"query": self.stream.document}
            writer.write(
                http1.post(payload, self._user.token, Accept="text/event-stream", **resume)
            )
            async with asyncio.timeout(_CONNECT_SECONDS):
                head = http1.Message(await http1.read_head(reader), b"")
            if head.status != 200:
                async with asyncio.timeout(_CONNECT_SECONDS):
                    self.watch(client.read(await http1.read_body(reader, head)))
                return
            async with aclosing(http1.blocks(reader, _TIMEOUT_SECONDS)) as blocks:
                async for block in blocks:
                    fields = dict(
                        entry.split(": ", 1)
                        for entry in block.decode().splitlines()
                        if ": " in entry
                    )
                    if fields.get("event") == "next":
                        yield self._read(fields)
        finally:
            writer.transport.abort()

    def _read(self, fields: dict[str, str]) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(fields["data"])
        if answer.get("data"):
            sequence = answer["data"][self.stream.field][self.stream.number]
            if fields.get("id") != str(sequence):
                self.watch(client.failed(f"event {sequence} has the id {fields.get('id')}"))
        return answer
