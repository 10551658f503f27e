"""The load generator: keep-alive connections with one request at a time on each.

Reads its task as JSON from standard input and writes its measurements as JSON to standard output. It
shares the processors with what it measures and therefore does as little as possible: requests are joined
from prepared pieces, and answers are searched for a few bytes, never parsed."""

from __future__ import annotations

import json
import random
import selectors
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.load import AMOUNT, KEY, RECIPIENT
from bench.measure import percentile

_KEY_DIGITS = 8
_MOST_AMOUNT_MINOR = 500
_MOST_FAILURES = 100
_ANSWER_BYTES = 65_536
_LATE_SECONDS = 60


class Template:
    """Builds requests of one kind. All have the same length, and the same headers but for the token."""

    def __init__(self, task: dict[str, Any], request: dict[str, Any], recipient_bytes: int) -> None:
        body = json.dumps({"query": request["document"], "variables": request["variables"]})
        run = f"{task['run']}-".encode()
        lengths = {RECIPIENT: recipient_bytes, AMOUNT: 4, KEY: len(run) + _KEY_DIGITS}
        places = sorted((body.index(name), name) for name in lengths if name in body)
        pieces, end = [], 0
        for place, name in places:
            pieces.append(body[end:place].encode())
            end = place + len(name)
        pieces.append(body[end:].encode())
        length = sum(map(len, pieces)) + sum(lengths[name] for _, name in places)
        self.head = (
            f"POST {task['path']} HTTP/1.1\r\nHost: {task['host']}:{task['port']}\r\n"
            "Content-Type: application/json\r\nAccept: application/graphql-response+json\r\n"
            f"Content-Length: {length}\r\nAuthorization: Bearer "
        ).encode()
        self.accepted: bytes = request["accepted"].encode()
        self.moves: bool = request["moves"]
        self._pieces = pieces
        self._names = [name for _, name in places]
        self._run = run

    def fill(self, token: bytes, recipient: bytes, number: int) -> bytes:
        """A request with that token, to that recipient, with a key of its own."""
        parts = [self.head, token, b"\r\n\r\n", self._pieces[0]]
        for name, piece in zip(self._names, self._pieces[1:], strict=True):
            if name == RECIPIENT:
                parts.append(recipient)
            elif name == AMOUNT:
                amount = 1 + int(random.random() * _MOST_AMOUNT_MINOR)
                parts.append(b"%d.%02d" % divmod(amount, 100))
            else:
                parts.append(self._run + b"%08d" % number)
            parts.append(piece)
        return b"".join(parts)


class Connection:
    """A connection and the state of its current request."""

    __slots__ = ("began", "received", "socket", "template")

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        self.template: Template | None = None
        self.began = 0.0


class Load:
    """The whole load: who sends what to whom, and the results."""

    def __init__(self, task: dict[str, Any]) -> None:
        lines = Path(task["tokens"]).read_bytes().splitlines()[: task["senders"]]
        self.users = [(line.partition(b" ")[0], line.partition(b" ")[2]) for line in lines]
        self.task = task
        self.templates = [
            Template(task, request, len(self.users[0][0]))
            for request in task["requests"]
            for _ in range(request["share"])
        ]
        self.asked = self.moved = 0
        self.times: list[float] = []
        self.failures: list[str] = []
        self.begins_at = self.ends_at = 0.0

    def measure(self) -> dict[str, Any]:
        """Keep all connections busy for the given time; returns the measurements."""
        address = (self.task["host"], self.task["port"])
        connections = [Connection(address) for _ in range(self.task["connections"])]
        self.begins_at = time.perf_counter() + self.task["warm_up_seconds"]
        self.ends_at = self.begins_at + self.task["seconds"]
        used = time.process_time()
        self._exchange(connections)
        used = time.process_time() - used
        ordered = sorted(self.times)
        return {
            "operations": len(ordered),
            "per_second": len(ordered) / self.task["seconds"],
            "failures": len(self.failures),
            "first_failure": self.failures[0] if self.failures else None,
            "mean_ms": sum(ordered) / len(ordered) if ordered else 0.0,
            "p50_ms": percentile(ordered, 0.5),
            "p99_ms": percentile(ordered, 0.99),
            "asked": self.asked,
            "moved": self.moved,
            "load_cpu_us": used / self.asked * 1e6,
        }

    def _exchange(self, connections: list[Connection]) -> None:
        waiting = len(connections)
        with selectors.DefaultSelector() as selector:
            for connection in connections:
                selector.register(connection.socket, selectors.EVENT_READ, connection)
                self._send(connection)
            select: Callable[..., Any] = selector.select
            while waiting and time.perf_counter() < self.ends_at + _LATE_SECONDS:
                for key, _ in select(1.0):
                    connection = key.data
                    if not self._receive(connection):
                        continue
                    if self._goes_on():
                        self._send(connection)
                    else:
                        selector.unregister(connection.socket)
                        connection.socket.close()
                        waiting -= 1
        if waiting:
            self.failures.append(f"{waiting} requests were never answered.")

    def _goes_on(self) -> bool:
        if self.task["each_once"] and self.asked >= len(self.users):
            return False
        return time.perf_counter() < self.ends_at and len(self.failures) < _MOST_FAILURES

    def _send(self, connection: Connection) -> None:
        users = self.users
        sender = int(random.random() * len(users))
        if self.task["each_once"]:
            sender = self.asked % len(users)
        # To any other user, all equally likely; or to the first user, from any other.
        recipient = (sender + 1 + int(random.random() * (len(users) - 1))) % len(users)
        if self.task["to_one"]:
            sender, recipient = 1 + int(random.random() * (len(users) - 1)), 0
        template = self.templates[int(random.random() * len(self.templates))]
        self.asked += 1
        request = template.fill(users[sender][1], users[recipient][0], self.asked)
        connection.template = template
        connection.began = time.perf_counter()
        connection.socket.sendall(request)

    def _receive(self, connection: Connection) -> bool:
        """Receive data; whether the answer is complete, or the connection has ended."""
        data = connection.socket.recv(_ANSWER_BYTES)
        if not data:
            self.failures.append("The server closed a connection.")
            self.ends_at = 0.0
            return True
        answer = connection.received + data
        if not is_whole(answer):
            connection.received = answer
            return False
        connection.received = b""
        template = connection.template
        assert template is not None
        if not is_accepted(answer, template.accepted):
            self.failures.append(answer[:800].decode(errors="replace"))
            return True
        self.moved += template.moves
        ended = time.perf_counter()
        if self.begins_at <= ended < self.ends_at:
            self.times.append((ended - connection.began) * 1000)
        return True


def is_whole(answer: bytes) -> bool:
    """Whether an HTTP response is complete."""
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return False
    place = answer.find(b"ontent-")
    while 0 <= place < end:
        if answer[place + 7 : place + 14].lower() == b"length:":
            value = answer[place + 14 : answer.index(b"\r\n", place)]
            return len(answer) >= end + 4 + int(value)
        place = answer.find(b"ontent-", place + 1)
    # A response without a length is chunked.
    return answer.endswith(b"0\r\n\r\n")


def is_accepted(answer: bytes, accepted: bytes) -> bool:
    """Whether the answer is the expected one, by its status and part of its body."""
    return answer.startswith(b"HTTP/1.1 200") and accepted in answer and b'"errors"' not in answer


if __name__ == "__main__":
    print(json.dumps(Load(json.load(sys.stdin)).measure()))
