"""Formats for streams of results: server-sent events and multipart responses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from graphql_server.http import negotiation


@dataclass(frozen=True, slots=True)
class Framing:
    """A format for a stream of results in the body of an HTTP response."""

    content_type: bytes
    opening: bytes
    keep_alive: bytes
    closing: bytes
    #: A result, and its number if it has one.
    result: Callable[[dict[str, Any], int | None], bytes]
    #: Errors that end the stream and are not a result of the operation.
    failure: Callable[[list[dict[str, Any]]], bytes]


# ------------------------------------------------ server-sent events
# https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md, distinct connections mode.


def _event(payload: dict[str, Any], number: int | None) -> bytes:
    id_line = b"" if number is None else b"id: %d\n" % number
    return b"event: next\n" + id_line + b"data: " + orjson.dumps(payload) + b"\n\n"


# ------------------------------------------------ multipart
# https://www.apollographql.com/docs/graphos/routing/operations/subscriptions/multipart-protocol
# Readers regard a part as complete at the next delimiter, so each part is written with it.

_DELIMITER = b"\r\n--graphql"


def _part(body: dict[str, Any]) -> bytes:
    head = b"\r\nContent-Type: application/json\r\n\r\n"
    return head + orjson.dumps(body) + _DELIMITER


FRAMINGS = {
    negotiation.EVENT_STREAM: Framing(
        content_type=b"text/event-stream; charset=utf-8",
        opening=b"",
        keep_alive=b":\n\n",
        # Browsers do not dispatch events without data.
        closing=b"event: complete\ndata: \n\n",
        result=_event,
        failure=lambda errors: _event({"errors": errors}, None),
    ),
    negotiation.MULTIPART: Framing(
        content_type=b'multipart/mixed;boundary="graphql";subscriptionSpec="1.0"',
        opening=_DELIMITER,
        keep_alive=_part({}),
        closing=b"--\r\n",
        result=lambda payload, _number: _part({"payload": payload}),
        failure=lambda errors: _part({"payload": None, "errors": errors}),
    ),
}
