"""Refusals of what the application never sees as a request, each a complete response as bytes."""

from __future__ import annotations

from collections.abc import Iterable

import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from graphql_server.service import Header

TOO_LARGE = "The headers have more than 32 KiB, or are more than 100: send less."
TOO_MUCH_FRAMING = "The chunk extensions or trailers have more than 48 KiB: send less."
URL_TOO_LONG = "The address has more than 16 KiB: send the request by POST."
NO_ABSOLUTE_TARGET = "The address is no http:// or https:// address without user information."
UNKNOWN_CODING = "Transfer-Encoding takes `chunked` alone: send the body in no other coding."
TOO_SLOW = "The request took too long to arrive: send it again."
TOO_MANY = "There are too many connections from your address: close some, or try again later."
FULL = "The service has as many connections as it can take: try again later."


#: When a client may try again that is refused with 429 or 503.
RETRY_SECONDS = 10


def render(status: int, message: str, headers: Iterable[Header] = ()) -> bytes:
    """The response, after which the connection is closed."""
    code = {429: "RATE_LIMITED", 503: "UNAVAILABLE"}.get(status, "BAD_USER_INPUT")
    extensions: dict[str, object] = {"code": code}
    if status == 429:
        extensions["retryAfterSeconds"] = RETRY_SECONDS
    body = orjson.dumps({"errors": [{"message": message, "extensions": extensions}]})
    retry = b"retry-after: %d\r\n" % RETRY_SECONDS if status in (429, 503) else b""
    return b"".join(
        (
            STATUS_LINE[status],
            b"content-type: application/json; charset=utf-8\r\n",
            b"content-length: %d\r\n" % len(body),
            b"cache-control: no-store\r\nx-content-type-options: nosniff\r\n",
            retry,
            *(b"%b: %b\r\n" % header for header in headers),
            b"connection: close\r\n\r\n",
            body,
        )
    )
