"""Request bodies, of bounded size, and the JSON in them."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import suppress
from typing import Any

import orjson
from starlette.types import Message, Receive, Scope

MAXIMUM_BYTES = 64 * 1024
# Many clients read a response only after sending the whole body: this much of a body that is too large is
# read and discarded before the refusal.
_DISCARDED_BYTES = 32 * 1024 * 1024
_DISCARD_SECONDS = 10
_FIRST_BYTE_SECONDS = 10
_READ_SECONDS = 30
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# orjson parses integers of more than 64 bits as floats.
_LONG_NUMBER_BYTES = re.compile(rb"[0-9]{19}")
_LONG_NUMBER = re.compile(r"[0-9]{19}")


#: Set in a scope once the whole body has been received, so that its deadline can be dropped.
IS_THERE = "body_is_there"
#: The message for `Encoded`.
ENCODED = "A body in the content coding `{coding}` is not accepted: send it uncompressed."


class TooLarge(Exception):
    """The body has more bytes than the limit. Close the connection after answering 413."""


class Encoded(Exception):
    """The body is compressed: answer 415, naming the coding."""

    def __init__(self, coding: str) -> None:
        super().__init__(coding)
        self.coding = coding


class Disconnected(Exception):
    """The client disconnected while sending the body."""


class TooSlow(Exception):
    """The client sends the body too slowly. Close the connection after answering 408."""


def parse_json(text: bytes | str) -> Any:
    """The decoded JSON, with exact integers. Raises ValueError unless it is JSON in UTF-8.

    A byte-order mark before it is ignored (RFC 8259, section 8.1).
    """
    if isinstance(text, bytes):
        text = text.removeprefix(_BYTE_ORDER_MARK)
    else:
        text = text.removeprefix("\ufeff")
    parsed = orjson.loads(text)
    long_number = _LONG_NUMBER if isinstance(text, str) else _LONG_NUMBER_BYTES
    if long_number.search(text):  # type: ignore[arg-type]
        # It is well-formed; an integer beyond Python's limit stays a float.
        with suppress(ValueError, RecursionError):
            return json.loads(text)
    return parsed


async def read(scope: Scope, receive: Receive, maximum: int = MAXIMUM_BYTES) -> bytes:
    """The whole body. Raises Encoded, TooLarge, TooSlow or Disconnected."""
    coding = b""
    is_expected = False
    announced = 0
    for name, value in scope["headers"]:
        if name == b"content-length":
            announced = int(value[:20]) if value.isdigit() else 0
        elif name == b"expect":
            is_expected = True
        elif name == b"content-encoding" and value.strip().lower() != b"identity":
            coding = value
    if announced > maximum or coding:
        if not is_expected:
            await _discard(receive)
        raise Encoded(coding.decode("latin-1")[:50]) if coding else TooLarge
    if IS_THERE in scope:
        return await _read_on(await receive(), receive, maximum)
    try:
        async with asyncio.timeout(_FIRST_BYTE_SECONDS) as deadline:
            message = await receive()
            deadline.reschedule(asyncio.get_running_loop().time() + _READ_SECONDS)
            return await _read_on(message, receive, maximum)
    except TimeoutError:
        raise TooSlow from None


async def _read_on(message: Message, receive: Receive, maximum: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        if message["type"] == "http.disconnect":
            raise Disconnected
        chunk: bytes = message.get("body", b"")
        is_last = not message.get("more_body", False)
        size += len(chunk)
        if size > maximum:
            if not is_last:
                await _discard(receive)
            raise TooLarge
        chunks.append(chunk)
        if is_last:
            return b"".join(chunks)
        message = await receive()


async def _discard(receive: Receive) -> None:
    discarded = 0
    try:
        async with asyncio.timeout(_DISCARD_SECONDS):
            while discarded < _DISCARDED_BYTES:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Disconnected
                discarded += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return
    except TimeoutError:
        return
