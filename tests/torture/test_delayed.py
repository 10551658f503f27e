"""A request that is held in transit is delivered once, later, and its answer is recorded."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest

from tests.waiting import until
from torture import http1
from torture.client import Answer
from torture.delayed import DelayingNetwork
from torture.record import Command, Operation, Record

HOST = "127.0.0.1"
ALPHA = UUID(int=1)
CLOSED = {"data": {"addBalance": {"__typename": "IdempotencyKeyClosed"}}}
AWAY = {"data": None, "errors": [{"message": "away", "extensions": {"code": "UNAVAILABLE"}}]}

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Service:
    """Answers every request with the same body, and keeps what it was sent."""

    def __init__(self, body: object) -> None:
        self.received: list[http1.Message] = []
        self._body = json.dumps(body).encode()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.received.append(await http1.read_message(reader))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(self._body))
        writer.write(self._body)
        writer.close()


@asynccontextmanager
async def network(
    service: Service, *, longest_seconds: float
) -> AsyncIterator[tuple[DelayingNetwork, Record, list[Answer]]]:
    """A network that holds what is sent to the service, its record, and the errors that were answered."""
    server = await asyncio.start_server(service, HOST, 0)
    record, failures = Record(1), list[Answer]()
    delaying = DelayingNetwork(
        record,
        [server.sockets[0].getsockname()[1]],
        random.Random(1),
        failures.append,
        longest_seconds=longest_seconds,
    )
    try:
        yield delaying, record, failures
    finally:
        await delaying.cancel()
        server.close()


def command() -> Command:
    return Command(ALPHA, Operation.ADD_BALANCE, "key-of-a-top-up", None, 1, None, 1.0, not_after=7)


async def test_a_request_is_held_until_the_rest_is_delivered() -> None:
    service = Service(CLOSED)
    async with network(service, longest_seconds=10_000) as (delaying, record, failures):
        delaying.hold(command(), http1.post({"query": "{ held }"}, "token"))
        [held] = record.delayed
        assert (held.key, held.not_after, held.delivered, held.answer) == (
            "key-of-a-top-up", 7, None, None,
        )  # fmt: skip
        assert service.received == []
        await delaying.deliver_rest()
        [received] = service.received
        assert json.loads(received.body) == {"query": "{ held }"}
        assert held.delivered is not None
        assert held.delivered >= held.held
        assert held.answer == "IdempotencyKeyClosed"
        assert failures == []


async def test_a_request_is_delivered_by_itself_when_its_time_has_come() -> None:
    service = Service(AWAY)
    async with network(service, longest_seconds=0.01) as (delaying, record, failures):
        delaying.hold(command(), http1.post({"query": "{ held }"}, None))
        await until(lambda: record.delayed[0].answer is not None)
        assert record.delayed[0].answer == "UNAVAILABLE"
        assert [each.code for each in failures] == ["UNAVAILABLE"]
        await delaying.deliver_rest()
        assert len(service.received) == 1
