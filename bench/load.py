"""The load generator: `sendMoney` over keep-alive connections, in a process of its own.

Reads what to do as JSON from standard input and writes what it measured as JSON to standard output.
It speaks HTTP/1.1 on bare sockets, so that it is not what is being measured.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from pathlib import Path
from typing import Any, cast

import uvloop

from bench.measure import percentile

DOCUMENT = """
mutation Send($input: SendMoneyInput!) {
  sendMoney(input: $input) {
    __typename
    ... on MoneySent {
      transaction { id reference sequence amount { amount currency } balanceAfter { amount } createdAt
        counterparty { id name } }
      viewer { sequence balance { amount currency } }
      replayed
    }
    ... on UserError { message }
  }
}
"""


class Sender(asyncio.Protocol):
    """One connection: sends, waits for the answer, and sends again, until the load is over."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.received = bytearray()
        self.began = 0.0
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        self.received += data
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self.received[:end]).lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(self.received) < end + 4 + length:
            return
        body = bytes(self.received[end + 4 : end + 4 + length])
        self.received.clear()
        self.load.note(self.began, head, body)
        self._send()

    def connection_lost(self, error: Exception | None) -> None:
        self.load.closed(error)

    def _send(self) -> None:
        assert self.transport is not None
        if self.load.over:
            self.transport.close()
            return
        self.began = time.perf_counter()
        self.transport.write(self.load.request())


class Load:
    """The whole load: who sends to whom, and what came of it."""

    def __init__(self, task: dict[str, Any]) -> None:
        self.people: list[tuple[str, str]] = [
            (line.partition(" ")[0], line.partition(" ")[2])
            for line in Path(task["tokens"]).read_text().splitlines()
        ]
        self.host, self.port = task["host"], task["port"]
        self.connections, self.seconds = task["connections"], task["seconds"]
        self.warm_up_seconds = task["warm_up_seconds"]
        self.random = random.Random(task["seed"])
        self.run = f"{task['seed']:x}"
        self.asked = 0
        self.times: list[float] = []
        self.failures: list[str] = []
        self.open = 0
        self.all_closed = asyncio.Event()
        self.begins_at = self.ends_at = 0.0

    @property
    def over(self) -> bool:
        return time.perf_counter() >= self.ends_at or len(self.failures) > 100

    async def measure(self) -> dict[str, Any]:
        self.begins_at = time.perf_counter() + self.warm_up_seconds
        self.ends_at = self.begins_at + self.seconds
        loop = asyncio.get_running_loop()
        for _ in range(self.connections):
            await loop.create_connection(lambda: Sender(self), self.host, self.port)
            self.open += 1
        await asyncio.wait_for(self.all_closed.wait(), self.warm_up_seconds + self.seconds + 60)
        ordered = sorted(self.times)
        return {
            "operations": len(ordered),
            "per_second": len(ordered) / self.seconds,
            "failures": len(self.failures),
            "first_failure": self.failures[0] if self.failures else None,
            "mean_ms": sum(ordered) / len(ordered) if ordered else 0.0,
            "p50_ms": percentile(ordered, 0.5),
            "p99_ms": percentile(ordered, 0.99),
            "asked": self.asked,
        }

    def request(self) -> bytes:
        """The next request: a random sender, another recipient, a key of its own."""
        (_, token), (recipient, _) = self.random.sample(self.people, 2)
        self.asked += 1
        variables = {
            "input": {
                "recipient": {"userId": recipient},
                "amount": f"{self.random.randint(1, 500) / 100:.2f}",
                "idempotencyKey": f"load-{self.run}-{self.asked}",
            }
        }
        body = json.dumps({"query": DOCUMENT, "variables": variables}).encode()
        head = (
            f"POST /graphql HTTP/1.1\r\nHost: {self.host}:{self.port}\r\n"
            f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"
            f"Accept: application/graphql-response+json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def note(self, began: float, head: bytes, body: bytes) -> None:
        if b'"MoneySent"' not in body or b'"errors"' in body:
            self.failures.append(f"{head.splitlines()[0].decode()} {body[:500].decode()}")
            return
        ended = time.perf_counter()
        if self.begins_at <= ended < self.ends_at:
            self.times.append((ended - began) * 1000)

    def closed(self, error: Exception | None) -> None:
        self.open -= 1
        if not self.over:
            self.failures.append(f"The server closed a connection ({error}).")
        if self.open == 0:
            self.all_closed.set()


async def _main() -> None:
    load = Load(json.load(sys.stdin))
    print(json.dumps(await load.measure()))


if __name__ == "__main__":
    uvloop.run(_main())
