"""Listeners record every event, and every error received instead of one."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest
import websockets
from websockets.asyncio.server import ServerConnection, serve

from tests.waiting import until
from torture import http1
from torture.client import Answer
from torture.listeners import EventStreamListener, Listener, WebSocketListener
from torture.users import User

HOST = "127.0.0.1"
USER = User(UUID(int=7), "user@example.com", "token")

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def event(sequence: int) -> dict[str, Any]:
    transaction = {"reference": str(UUID(int=sequence))}
    heard = {"sequence": sequence, "balance": {"amount": "1.00"}, "transaction": transaction}
    return {"data": {"walletEvents": heard}}


def block(sequence: int, event_id: int) -> bytes:
    text = f"event: next\nid: {event_id}\ndata: {json.dumps(event(sequence))}\n\n".encode()
    return f"{len(text):x}\r\n".encode() + text + b"\r\n"


STREAM = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@asynccontextmanager
async def streaming(answer: bytes) -> AsyncIterator[int]:
    """The port at which every request is answered with these bytes."""

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await http1.read_message(reader)
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve_one, HOST, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@asynccontextmanager
async def socket(talk: Callable[[ServerConnection], Awaitable[None]]) -> AsyncIterator[int]:
    """The port at which this talks over every socket that has subscribed."""

    async def converse(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.send(json.dumps({"type": "connection_ack"}))
        await connection.recv()
        await talk(connection)

    protocol = websockets.Subprotocol("graphql-transport-ws")
    async with serve(converse, HOST, 0, subprotocols=[protocol]) as server:
        yield next(iter(server.sockets)).getsockname()[1]


@asynccontextmanager
async def listening(
    kind: type[Listener], port: int
) -> AsyncIterator[tuple[Listener, list[Answer]]]:
    """A listener at that port, and the errors it received."""
    failures: list[Answer] = []
    listener = kind(USER, [port], random.Random(1), failures.append)
    task = asyncio.create_task(listener.run())
    try:
        yield listener, failures
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_an_event_of_a_stream_is_received_with_its_sequence() -> None:
    async with (
        streaming(STREAM + block(1, 1)) as port,
        listening(EventStreamListener, port) as (listener, failures),
    ):
        await until(lambda: bool(listener.heard.sequences))
        assert listener.heard.sequences[0] == listener.last == 1
        assert failures == []


async def test_an_event_of_a_stream_under_another_number_is_a_failure() -> None:
    async with (
        streaming(STREAM + block(2, 1)) as port,
        listening(EventStreamListener, port) as (_, failures),
    ):
        await until(lambda: bool(failures))
        assert "event 2 has the id 1" in failures[0].message


@pytest.mark.parametrize("page", [b"Oh", b'{"errors": [{"message": "Oh"}]}'])
async def test_a_stream_that_is_refused_with_a_500_is_a_failure(page: bytes) -> None:
    head = f"HTTP/1.1 500 Oh\r\nContent-Length: {len(page)}\r\n\r\n".encode()
    async with (
        streaming(head + page) as port,
        listening(EventStreamListener, port) as (listener, failures),
    ):
        await until(lambda: bool(failures))
        assert failures[0].status == 500
        assert "Oh" in failures[0].message
        assert listener.heard.sequences == []


async def test_an_error_over_a_socket_is_a_failure() -> None:
    async def talk(connection: ServerConnection) -> None:
        errors = [{"message": "masked", "extensions": {"code": "INTERNAL"}}]
        await connection.send(json.dumps({"type": "error", "id": "1", "payload": errors}))

    async with socket(talk) as port, listening(WebSocketListener, port) as (_, failures):
        await until(lambda: bool(failures))
        assert failures[0].code == "INTERNAL"


@pytest.mark.parametrize(("code", "is_failure"), [(1011, True), (4401, True), (1013, False)])
async def test_a_socket_that_is_closed_for_a_bad_reason_is_a_failure(
    code: int, is_failure: bool
) -> None:
    async def talk(connection: ServerConnection) -> None:
        await connection.close(code, "why")

    async with socket(talk) as port, listening(WebSocketListener, port) as (listener, failures):
        await until(lambda: listener.heard.reconnects > 0)
        assert bool(failures) is is_failure


async def test_a_listener_fails_on_an_invalid_event() -> None:
    async def talk(connection: ServerConnection) -> None:
        await connection.send(json.dumps({"type": "next", "id": "1", "payload": {"data": {}}}))
        await connection.wait_closed()

    async with socket(talk) as port:
        listener = WebSocketListener(USER, [port], random.Random(1), lambda answer: None)
        with pytest.raises(KeyError):
            await listener.run()
