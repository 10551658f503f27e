"""A client of the API over a faulty network: one try is either answered or lost."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torture import http1

HOST = "127.0.0.1"
UNAVAILABLE = "UNAVAILABLE"
#: Timeout of one try; shorter than what the database may take.
TRY_SECONDS = 4.0


class Lost(Exception):
    """No answer arrived: the outcome of the request is unknown."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete response."""

    status: int
    body: dict[str, Any]

    @property
    def data(self) -> dict[str, Any]:
        return self.body.get("data") or {}

    @property
    def code(self) -> str | None:
        """The code of the first top-level error; None if there is none."""
        errors = self.body.get("errors")
        return errors[0].get("extensions", {}).get("code", "") if errors else None

    @property
    def message(self) -> str:
        errors = self.body.get("errors")
        return str(errors[0].get("message", "")) if errors else ""

    @property
    def has_failed(self) -> bool:
        """Whether it is a top-level error; a refusal in the operation's result is not."""
        return self.code is not None or self.status != 200


def read(message: http1.Message) -> Answer:
    """Read a complete response. One that is not JSON, such as a server's error page, is a failure."""
    try:
        body = json.loads(message.body)
    except ValueError:
        return failed(f"not JSON: {message.body[:200]!r}", message.status)
    return Answer(message.status, body)


def failed(what: str, status: int = 200) -> Answer:
    """A response with an error that has no code."""
    return Answer(status, {"errors": [{"message": what}]})


#: Called with every response that has a top-level error, to record it.
Watch = Callable[[Answer], None]


class Client:
    """The connections of one caller, one to each API process, kept open while they work."""

    def __init__(self, ports: Sequence[int], rng: random.Random, watch: Watch) -> None:
        self._ports = ports
        self._rng = rng
        self._watch = watch
        self._connections: dict[int, tuple[asyncio.StreamReader, asyncio.StreamWriter]] = {}

    async def ask(
        self,
        query: str,
        variables: dict[str, Any],
        token: str | None,
        *,
        timeout_seconds: float = TRY_SECONDS,
    ) -> Answer:
        """One try, at a random API process. Raises Lost."""
        port = self._rng.choice(self._ports)
        request = http1.post({"query": query, "variables": variables}, token)
        try:
            async with asyncio.timeout(timeout_seconds):
                reader, writer = await self._connection(port)
                writer.write(request)
                answer = read(await http1.read_message(reader))
        except (OSError, EOFError, ValueError) as error:
            self._drop(port)
            raise Lost from error
        except BaseException:
            self._drop(port)
            raise
        if answer.has_failed:
            self._watch(answer)
        return answer

    def close(self) -> None:
        for port in list(self._connections):
            self._drop(port)

    async def _connection(self, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        connection = self._connections.get(port)
        if connection is None or connection[0].at_eof() or connection[1].is_closing():
            self._drop(port)
            connection = self._connections[port] = await asyncio.open_connection(HOST, port)
        return connection

    def _drop(self, port: int) -> None:
        connection = self._connections.pop(port, None)
        if connection is not None:
            with contextlib.suppress(OSError):
                connection[1].transport.abort()
