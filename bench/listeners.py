"""A large number of subscribers, and a few transfers to them, in a process of its own.

Reads its task from the first line of standard input, opens the sockets and reports that it is ready. Each
further line names the server to send money through, and is answered with measurements, all as JSON."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import uvloop

from bench.measure import percentile

_SUBSCRIBE = (
    "subscription Listen { walletEvents { __typename sequence balance { amount currency } "
    "... on TransactionPosted { transaction { id kind direction note amount { amount currency } "
    "counterparty { id name } createdAt } } } }"
)
_SEND = (
    "mutation Send($input: SendMoneyInput!) { sendMoney(input: $input) { __typename "
    "... on MoneySent { transaction { sequence } } ... on UserError { message } } }"
)
_CONNECTING_AT_ONCE = 20
_SENDING_CONNECTIONS = 8
_LATE_SECONDS = 10.0
_CONNECT_SECONDS = 300
_TEXT, _CLOSE, _PING, _PONG = 0x81, 0x88, 0x89, 0x8A


class Listener(asyncio.Protocol):
    """A WebSocket with one subscription (RFC 6455, graphql-transport-ws)."""

    __slots__ = ("acknowledged", "number", "received", "run", "sequence", "token", "transport")

    def __init__(self, run: Run, number: int, token: str) -> None:
        self.run = run
        self.number = number
        self.token = token
        self.sequence = 0
        self.received = b""
        self.acknowledged = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        key = base64.b64encode(os.urandom(16)).decode()
        self.transport.write(
            f"GET /graphql HTTP/1.1\r\nHost: {self.run.host}:{self.run.port}\r\n"
            f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        at = time.monotonic()
        self.received += data
        if self.received.startswith(b"HTTP/1.1 101"):
            _, ended, rest = self.received.partition(b"\r\n\r\n")
            if not ended:
                return
            self.received = rest
            payload = {"Authorization": f"Bearer {self.token}"}
            self._say({"type": "connection_init", "payload": payload})
        while (length := _frame_bytes(self.received)) <= len(self.received):
            frame, self.received = self.received[:length], self.received[length:]
            self._take(frame, at)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.run.over:
            self.run.fail(f"The server closed a socket ({error}).")

    def _take(self, frame: bytes, at: float) -> None:
        if frame[0] == _PING:
            self._write(_PONG, frame[2:])
        elif frame[0] == _CLOSE:
            self.run.fail(f"The server closed a socket: {frame[2:]!r}.")
        elif b'"type":"connection_ack"' in frame:
            payload = {"query": _SUBSCRIBE}
            self._say({"type": "subscribe", "id": "1", "payload": payload})
            self.acknowledged.set_result(None)
        elif b'"type":"next"' in frame:
            self.run.heard(self, frame, at)
        else:
            self.run.fail(f"A subscription was answered with {frame[:500]!r}.")

    def _say(self, message: dict[str, Any]) -> None:
        self._write(_TEXT, json.dumps(message).encode())

    def _write(self, first: int, payload: bytes) -> None:
        assert self.transport is not None
        length = len(payload)
        size = bytes([0x80 | length]) if length < 126 else b"\xfe" + length.to_bytes(2, "big")
        # Masked, as clients must, with a mask of zeros.
        self.transport.write(bytes([first]) + size + bytes(4) + payload)


def _frame_bytes(received: bytes) -> int:
    """The length of the first frame; more than there is if that is not known yet."""
    if len(received) < 4:
        return 2 + received[1] if len(received) > 1 and received[1] < 126 else len(received) + 1
    if received[1] < 126:
        return 2 + received[1]
    return 4 + int.from_bytes(received[2:4], "big")


class Run:
    """All subscribers, and the transfers to them."""

    def __init__(self, task: dict[str, Any]) -> None:
        self.host, self.port = task["host"], task["port"]
        users = [line.split() for line in Path(task["tokens"]).read_text().splitlines()]
        count = task["listeners"]
        self.listening, self.senders = users[:count], users[count:]
        self.per_second = task["per_second"]
        self.count = int(self.per_second * task["seconds"])
        self.listeners: list[Listener] = []
        #: By the number of the transfer: its subscriber, when it was sent, and when it was answered.
        self.sent: dict[int, tuple[int, float]] = {}
        self.answered: dict[int, float] = {}
        self.arrived: dict[int, float] = {}
        self.total = 0
        self.all_arrived = asyncio.Event()
        self.failed: str | None = None
        self.over = False

    def fail(self, sentence: str) -> None:
        self.failed = self.failed or sentence
        self.all_arrived.set()
        for listener in self.listeners:
            if not listener.acknowledged.done():
                listener.acknowledged.set_exception(RuntimeError(sentence))

    async def connect(self) -> None:
        loop = asyncio.get_running_loop()
        turns = asyncio.Semaphore(_CONNECTING_AT_ONCE)

        async def one(number: int) -> None:
            async with turns:
                listener = Listener(self, number, self.listening[number][1])
                self.listeners.append(listener)
                await loop.create_connection(lambda: listener, self.host, self.port)
                await asyncio.wait_for(listener.acknowledged, _CONNECT_SECONDS)

        await asyncio.gather(*(one(number) for number in range(len(self.listening))))

    async def send(self, port: int) -> dict[str, Any]:
        """Send money through the server at that port at the given rate, and wait for all events."""
        first, self.total = self.total, self.total + self.count
        self.all_arrived.clear()
        turns: asyncio.Queue[int | None] = asyncio.Queue()
        workers = [
            asyncio.create_task(self._work(turns, port)) for _ in range(_SENDING_CONNECTIONS)
        ]
        began = time.monotonic()
        for place in range(self.count):
            await asyncio.sleep(began + place / self.per_second - time.monotonic())
            turns.put_nowait(first + place)
        for _ in workers:
            turns.put_nowait(None)
        await asyncio.gather(*workers)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.all_arrived.wait(), _LATE_SECONDS)
        if missing := self.total - len(self.arrived):
            self.fail(f"{missing} of {self.count} events never arrived.")
        return {"failed": self.failed, "events": self.count, **self._times(first)}

    async def _work(self, turns: asyncio.Queue[int | None], port: int) -> None:
        reader, writer = await asyncio.open_connection(self.host, port)
        while (number := await turns.get()) is not None and not self.failed:
            # The subscribers in turn, spaced evenly.
            place = number * 7919 % len(self.listening)
            head, body = self._request(number, place)
            self.sent[number] = (place, time.monotonic())
            writer.write(head + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = int(answer.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            answer = await reader.readexactly(length)
            self.answered[number] = time.monotonic()
            if b'"MoneySent"' not in answer:
                self.fail(answer[:500].decode())
        writer.close()

    def _request(self, number: int, place: int) -> tuple[bytes, bytes]:
        _, token = self.senders[number % len(self.senders)]
        values = {
            "recipient": {"userId": self.listening[place][0]},
            "amount": "0.01",
            "note": f"event {number};",
            "idempotencyKey": f"listen-{number:08}",
        }
        body = json.dumps({"query": _SEND, "variables": {"input": values}}).encode()
        head = (
            f"POST /graphql HTTP/1.1\r\nHost: {self.host}:{self.port}\r\n"
            f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode(), body

    def heard(self, listener: Listener, frame: bytes, at: float) -> None:
        number = int(frame.partition(b'"note":"event ')[2].partition(b";")[0])
        sequence = int(frame.partition(b'"sequence":')[2].partition(b",")[0])
        if number in self.arrived or self.sent[number][0] != listener.number:
            self.fail(f"Event {number} arrived twice, or at another subscriber.")
        if listener.sequence and sequence != listener.sequence + 1:
            self.fail(f"After {listener.sequence} came {sequence}.")
        listener.sequence = sequence
        self.arrived[number] = at
        if len(self.arrived) == self.total:
            self.all_arrived.set()

    def _times(self, first: int) -> dict[str, Sequence[float]]:
        """Milliseconds from the answer to the transfer, and from its request, until the event; of the transfers
        from that number on.
        """
        arrived = [(each, at) for each, at in self.arrived.items() if each >= first]
        after_answer = [(at - self.answered[each]) * 1000 for each, at in arrived]
        after_request = [(at - self.sent[each][1]) * 1000 for each, at in arrived]
        return {
            name: [percentile(sorted(times), share) for share in (0.5, 0.99)]
            for name, times in (("after_answer", after_answer), ("after_request", after_request))
        }


def raise_file_limit(needed: int) -> None:
    """Allow this process and its children that many sockets. Raises RuntimeError if that is not permitted."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise RuntimeError(f"A process may open {hard} files here, and {needed} are needed.")
    if soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


async def _main() -> None:
    run = Run(json.loads(sys.stdin.readline()))
    try:
        await run.connect()
    except RuntimeError as error:
        print(json.dumps({"failed": str(error)}), flush=True)
        return
    print(json.dumps({"failed": None}), flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(await run.send(json.loads(line)["port"])), flush=True)
    run.over = True


if __name__ == "__main__":
    uvloop.run(_main())
