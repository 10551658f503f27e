"""The parts of HTTP/1.1 that the clients and proxies of a run need, on asyncio streams."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Message:
    """A request or a response, as bytes."""

    head: bytes
    body: bytes

    @property
    def status(self) -> int:
        return int(self.head.split(b" ", 2)[1])


async def read_message(reader: asyncio.StreamReader) -> Message:
    """Read a message with a content length or without a body. Raises EOFError, OSError or ValueError."""
    return await read_body(reader, Message(await read_head(reader), b""))


async def read_body(reader: asyncio.StreamReader, begun: Message) -> Message:
    """The message with its body. Raises EOFError, OSError or ValueError."""
    length = begun.head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
    return Message(begun.head, await reader.readexactly(int(length)) if length else b"")


async def read_head(reader: asyncio.StreamReader) -> bytes:
    """Read up to and including the empty line. Raises EOFError, OSError or ValueError."""
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError as error:
        raise ValueError(str(error)) from None


def post(payload: dict[str, Any], token: str | None, **headers: str) -> bytes:
    """A request to the GraphQL endpoint."""
    body = json.dumps(payload).encode()
    entries = ["POST /graphql HTTP/1.1", f"Host: {HOST}", "Content-Type: application/json"]
    if token is not None:
        entries.append(f"Authorization: Bearer {token}")
    entries += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    entries.append(f"Content-Length: {len(body)}")
    return "\r\n".join(entries).encode() + b"\r\n\r\n" + body


async def blocks(
    reader: asyncio.StreamReader, timeout_seconds: float
) -> AsyncGenerator[bytes, None]:
    """The blocks of a chunked stream, each terminated by an empty line, without that line.

    Raises TimeoutError if nothing arrives for so long, and EOFError, OSError or ValueError.
    """
    buffer = b""
    while True:
        async with asyncio.timeout(timeout_seconds):
            size = int((await reader.readuntil(b"\r\n")).strip(), 16)
            if size == 0:
                return
            buffer += (await reader.readexactly(size + 2))[:-2]
        while b"\n\n" in buffer:
            block, _, buffer = buffer.partition(b"\n\n")
            yield block
