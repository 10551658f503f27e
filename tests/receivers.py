"""Endpoints of webhooks: real HTTP servers that record what they are sent, and answer as a test says."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

#: Answers a request, or does not.
Answer = Callable[["Request", asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Request:
    """What an endpoint was sent."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def content(self) -> Any:
        return json.loads(self.body)

    @property
    def number(self) -> int:
        number: int = self.content["number"]
        return number


def says(status: int, body: str = "", **headers: str) -> Answer:
    """Answers every request alike."""

    async def answer(_request: Request, writer: asyncio.StreamWriter) -> None:
        more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        content = body.encode()
        writer.write(
            f"HTTP/1.1 {status} Status\r\ncontent-length: {len(content)}\r\n{more}\r\n".encode()
            + content
        )

    return answer


def sends(*parts: bytes) -> Answer:
    """Answers with those bytes, and then nothing more for as long as the client waits."""

    async def answer(_request: Request, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
        await writer.drain()
        await asyncio.Event().wait()

    return answer


def repeats(first: bytes, again: bytes, pause_seconds: float = 0.0) -> Answer:
    """Answers with bytes that have no end."""

    async def answer(_request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        while True:
            writer.write(again)
            await writer.drain()
            await asyncio.sleep(pause_seconds)

    return answer


async def hangs_up(_request: Request, writer: asyncio.StreamWriter) -> None:
    """Ends the connection in the middle of the response."""
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")


@dataclass
class Receiver:
    """An endpoint; `answer` may change while it runs."""

    answer: Answer
    scheme: str = "http"
    port: int = 0
    requests: list[Request] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/hooks?from=wallet"

    @property
    def numbers(self) -> list[int]:
        """The numbers of the events that were sent, in the order of their arrival."""
        return [request.number for request in self.requests]

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            line, *fields = head.strip().split("\r\n")
            headers = {
                name.lower(): value.strip()
                for name, value in (field.split(":", 1) for field in fields)
            }
            body = await reader.readexactly(int(headers["content-length"]))
            request = Request(line, headers, body)
            self.requests.append(request)
            await self.answer(request, writer)
            await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def receiving(
    answer: Answer | None = None, certificate: ssl.SSLContext | None = None
) -> AsyncIterator[Receiver]:
    """An endpoint on this machine, with TLS if it has a certificate. It acknowledges unless told otherwise."""
    receiver = Receiver(answer or says(200), "https" if certificate else "http")
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await receiver.handle(reader, writer)
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            tasks.discard(task)

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=certificate)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
